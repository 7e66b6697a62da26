"""Records of networks as their papers print them: `tests/oracles/*.toml`.

A record lists the layers of a network in the language of `tests.helpers.operations`, one a line.
What is left out is usual: a stride of 1, padding 0, one group, no bias, an epsilon of 1e-5.

    conv 3 64 k7 s2 p3 bias     input and output channels; k1x7 for 1 rows and 7 columns
    bottleneck 64 256 1 x3      a unit of the file with its arguments, three times in a row
    relu > a                    a name for the output, to be taken later
    cat < a b                   inputs, where it is not the line before; `in` is a unit's input
    fc 4096 1000 bias ~normal0.001      another initialisation than the network's
    fc 9216 4096 bias1          biases that start at 1
    max k3 s2 -> 96 27 27       the size of the output, where it is printed

A unit may compute its arguments: `conv {i} {i//4} k1`.
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.operations import Operation

FOLDER = Path(__file__).parent.parent / "oracles"


@dataclass(frozen=True)
class Layer:
    """A line of a record.

    Args:
        text: of the operation.
        inputs: numbers of the lines that its inputs come from; -1 is the image.
        start: how its weights begin, such as "normal 0.01".
        bias: the value at which its biases begin.
        shape: of its output, if the record says it.
    """

    text: str
    inputs: tuple[int, ...]
    start: str = ""
    bias: float = 0.0
    shape: tuple[int, ...] | None = None


@dataclass
class _Expansion:
    """The lines of a record, with its units put in."""

    units: dict[str, str]
    layers: list[Layer] = field(default_factory=list)

    def add(self, text: str, before: int, outer: dict[str, int]) -> int:
        """Expand lines that follow line `before`; return the number of the last one."""
        names, last = dict(outer) | {"in": before}, before
        for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
            body, _, label = line.partition(" > ")
            body, _, size = body.partition(" -> ") if " -> " in body else (body, "", "")
            label, _, label_size = label.partition(" -> ")
            body, _, sources = body.partition(" < ")
            inputs = tuple(names[name] for name in sources.split()) or (last,)
            last = self._line(body, inputs, names, (size or label_size).split())
            if label:
                names[label.strip()] = last
        return last

    def _line(
        self, body: str, inputs: tuple[int, ...], names: dict[str, int], size: list[str]
    ) -> int:
        words = body.split()
        if words[0] in self.units:
            head, _, text = self.units[words[0]].partition(":")
            last = inputs[0]
            times = int(words.pop()[1:]) if re.fullmatch(r"x\d+", words[-1]) else 1
            assert len(head.split()) == len(words) - 1, f"{body!r}: {head!r}"
            values = dict(zip(head.split(), words[1:], strict=True))
            for _ in range(times):
                last = self.add(_filled(text, values), last, names)
            return last
        self.layers.append(_layer(body, inputs, tuple(map(int, size)) or None))
        return len(self.layers) - 1


def _filled(text: str, values: dict[str, str]) -> str:
    numbers = {name: int(v) if v.isdigit() else v for name, v in values.items()}
    return re.sub(r"\{([^}]+)\}", lambda m: str(eval(m[1], {}, numbers)), text)


def _layer(body: str, inputs: tuple[int, ...], shape: tuple[int, ...] | None) -> Layer:
    start = re.search(r" ~([\w-]+?)([\d.]*)$", body)
    body = re.sub(r" ~\S+$", "", body)
    value = re.search(r" bias([\d.]+)", body)
    body = re.sub(r" bias[\d.]+", " bias", body)
    body = re.sub(r" (s1|p0|g1|eps1e-5)(?= |$)", "", body)
    body = body if re.search(r" s\d", body) else body.removesuffix(" ceil")
    return Layer(
        body, inputs, f"{start[1]} {start[2]}".strip() if start else "",
        float(value[1]) if value else 0.0, shape,
    )  # fmt: skip


@dataclass(frozen=True)
class Record:
    """What a paper, or its authors' code, prints of a network; see the module."""

    name: str
    layers: tuple[Layer, ...]
    facts: dict[str, Any]


@cache
def records() -> dict[str, Record]:
    """All records by the names of their networks."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        content = tomllib.loads(path.read_text())
        common = {k: v for k, v in content.items() if k not in ("unit", "network")}
        for name, facts in content.get("network", {}).items():
            expansion = _Expansion(content.get("unit", {}) | facts.get("unit", {}))
            expansion.add(facts["layers"], -1, {})
            assert name not in found, f"{name} has two records"
            found[name] = Record(name, tuple(expansion.layers), common | facts)
    return found


def differences(layers: tuple[Layer, ...], found: list[Operation]) -> list[str]:
    """The first operations that a network and its record do not share; none if they are equal."""
    ours = _keys([(one.text, one.inputs) for one in found])
    theirs = _keys([(one.text, one.inputs) for one in layers])
    lines = [
        f"only in the network: {i}: {one.text} < {one.inputs}"
        for i, (one, key) in enumerate(zip(found, ours, strict=True))
        if key not in set(theirs)
    ][:3]
    lines += [
        f"only in the record: {i}: {one.text} < {one.inputs}"
        for i, (one, key) in enumerate(zip(layers, theirs, strict=True))
        if key not in set(ours)
    ][:3]
    if not lines and len(ours) != len(theirs):
        lines.append(f"{len(ours)} operations, in the record {len(theirs)}")
    return lines or _sizes(layers, found, ours, theirs)


def _sizes(
    layers: tuple[Layer, ...], found: list[Operation], ours: list[int], theirs: list[int]
) -> list[str]:
    shapes = dict(zip(ours, (one.shape for one in found), strict=True))
    return [
        f"{one.text}: {shapes[key]}, in the record {one.shape}"
        for one, key in zip(layers, theirs, strict=True)
        if one.shape is not None and one.shape != shapes[key]
    ]


def _keys(lines: list[tuple[str, tuple[int, ...]]]) -> list[int]:
    """A number for each operation that stands for it and for all before it; add and mul commute."""
    keys: list[int] = []
    for text, inputs in lines:
        of = [keys[i] if i >= 0 else 0 for i in inputs]
        keys.append(hash((text, tuple(sorted(of) if text in ("add", "mul") else of))))
    return keys


def matched(layers: tuple[Layer, ...], found: list[Operation]) -> list[tuple[Layer, Operation]]:
    """Each layer of a record with its operation of a network that has the same ones."""
    ours = _keys([(one.text, one.inputs) for one in found])
    theirs = _keys([(one.text, one.inputs) for one in layers])
    by_key = dict(zip(theirs, layers, strict=True))
    return [(by_key[key], one) for key, one in zip(ours, found, strict=True)]
