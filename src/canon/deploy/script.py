"""A program that uses an exported file without Canon."""

from pathlib import Path

from canon.data.preprocessing import Preprocessing
from canon.utils.files import write_text

CLASSIFY = '''"""Classify images with {file}, without Canon: python {script} IMAGE ..."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(Path(__file__).with_name("{file}"))
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
for path in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(path)).convert("{mode}")
    scale = {side} / min(image.size)
    image = image.resize([max({side}, round(s * scale)) for s in image.size], Image.BILINEAR)
    left, top = (image.width - {side}) // 2, (image.height - {side}) // 2
    image = image.crop((left, top, left + {side}, top + {side}))
    pixels = np.asarray(image, np.uint8).reshape(1, {side}, {side}, {channels})
    (probabilities,) = session.run(["probabilities"], {{"pixels": pixels}})
    best = int(probabilities[0].argmax())
    print(f"{{path}}\\t{{classes[best]}}\\t{{probabilities[0, best]:.4f}}")
'''
SEGMENT = '''"""Write class maps of images with {file}, without Canon: python {script} IMAGE ..."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(Path(__file__).with_name("{file}"))
for path in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(path)).convert("{mode}")
    pixels = np.asarray(image, np.uint8).reshape(1, image.height, image.width, {channels})
    (classes,) = session.run(["classes"], {{"pixels": pixels}})
    Image.fromarray(classes[0]).save(Path(path).stem + "-classes.png")
'''
TEMPLATES = {"classify": CLASSIFY, "segment": SEGMENT}


def write_script(target: Path, task: str, prep: Preprocessing) -> Path | None:
    """Write the program next to a file; None for a task that has none, or images of 16 bits.

    Args:
        target: the exported file, of ONNX.
        task: what the network was trained for.
        prep: its preprocessing.
    """
    if task not in TEMPLATES or prep.bits != 8 or prep.downscale > 1:
        return None
    script = target.with_name(f"predict_{target.stem.replace('-', '_')}.py")
    text = TEMPLATES[task].format(
        file=target.name, script=script.name, side=prep.stored, channels=prep.channels,
        mode="L" if prep.channels == 1 else "RGB",
    )  # fmt: skip
    write_text(script, text)
    return script
