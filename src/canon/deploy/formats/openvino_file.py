"""OpenVINO's format: a folder with model.xml and model.bin."""

from pathlib import Path

from canon.deploy.engines.openvino_engine import MODEL, SECTION, openvino
from canon.deploy.program import Program, quiet


def write(program: Program, path: Path, metadata: dict[str, str]) -> None:
    """Write a program with its metadata into a folder, which is made."""
    ov = openvino()
    with quiet():
        model = ov.convert_model(program.exported)
    model.inputs[0].set_names({program.input})
    for output, name in zip(model.outputs, program.outputs, strict=True):
        output.set_names({name})
    sides = list(program.example.shape)
    for dimension in (0, *program.varying):
        sides[dimension] = -1
    model.reshape({0: ov.PartialShape(sides)})
    for name, value in metadata.items():
        model.set_rt_info(value, [SECTION, name])
    path.mkdir(exist_ok=True)
    ov.save_model(model, str(path / MODEL), compress_to_fp16=False)
