"""A network as a folded program of torch.export, which every format and engine begins with."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from canon.deploy.fold import fold
from canon.errors import InputError
from canon.layers.stages import eval_mode


@dataclass(frozen=True)
class Program:
    """A network as a graph.

    Args:
        module: the network it was made of.
        exported: the program.
        example: an input of it, of two samples.
        input: its name.
        outputs: their names.
        varying: dimensions of the input that may vary besides the first: height and width.
    """

    module: nn.Module
    exported: ExportedProgram
    example: Tensor
    input: str
    outputs: tuple[str, ...]
    varying: tuple[int, ...] = ()

    @property
    def any_size(self) -> bool:
        """Whether it takes images of any height and width that the network takes."""
        return bool(self.varying)


def export_program(
    module: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    *,
    name: str = "pixels",
    sizes: tuple[int, ...] = (),
    folded: bool = True,
) -> Program:
    """Export a module for batches of any length.

    Args:
        module: of one input and a tuple of outputs.
        example: an input of at least two samples.
        outputs: their names.
        name: of the input.
        sizes: dimensions of the input that may vary, such as height and width.
        folded: fold normalisations into the layers before them, and remove dropout.

    Raises:
        InputError: torch.export does not take the module.
    """
    try:
        with eval_mode(module):
            exported = _exported(module, example, sizes)
    except Exception as reason:
        if not sizes:
            detail = (str(reason).strip().splitlines() or [type(reason).__name__])[0][:200]
            raise InputError(
                f"torch.export does not take this network: {detail}; expected a module without "
                "control flow that depends on values. Use it in torch."
            ) from reason
        return export_program(module, example, outputs, name=name, folded=folded)
    varying = tuple(d for d in sizes if symbolic(exported, d))
    plain = Program(module, exported, example, name, tuple(outputs), varying)
    return folded_program(plain) if folded else plain


def folded_program(plain: Program) -> Program:
    """A program with its normalisations folded into the layers before them, without dropout."""
    graph = fold(plain.exported.module(check_guards=False))
    return replace(plain, exported=_exported(graph, plain.example, plain.varying))


def symbolic(program: ExportedProgram, dimension: int) -> bool:
    """Whether a dimension of the input may vary."""
    return not isinstance(_input(program).shape[dimension], int)


def _input(program: ExportedProgram) -> Tensor:
    name = program.graph_signature.user_inputs[0]
    found = next(node for node in program.graph.nodes if node.name == name).meta["val"]
    assert isinstance(found, Tensor)
    return found


def _exported(module: nn.Module, example: Tensor, sizes: tuple[int, ...]) -> ExportedProgram:
    varying = {0: Dim.AUTO} | dict.fromkeys(sizes, Dim.AUTO)
    with torch.no_grad(), quiet():
        exported = torch.export.export(module, (example,), dynamic_shapes=(varying,))
    if not symbolic(exported, 0):
        raise InputError(
            f"the network takes batches of {len(example)} only; expected one for any number of "
            "images. Do not compute with the length of the batch."
        )
    return exported


@contextmanager
def quiet() -> Iterator[None]:
    """Without the notes that exporters write about themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
