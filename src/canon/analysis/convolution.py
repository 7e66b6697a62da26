"""One convolution or pooling by itself: output size, cost, and what other forms would cost."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from canon.errors import InputError
from canon.layers.conv_arithmetic import (
    conv_size,
    exact_size,
    legal_paddings,
    legal_strides,
    same_padding,
    transposed_size,
    unseen,
)

Kind = Literal["convolution", "pooling", "transposed", "unpooling"]


@dataclass(frozen=True)
class Form:
    """A way to compute a convolution.

    Args:
        name: in words.
        params: weights and biases.
        macs: multiply-accumulates of one image.
    """

    name: str
    params: int
    macs: int


@dataclass(frozen=True)
class Window:
    """A window that slides over an image: N is a side, F the window, S the stride, P the padding.

    Args:
        size: height and width of the input in pixels.
        channels: of the input.
        kernel: side of the window in pixels.
        filters: output channels; a pooling keeps those of the input.
        stride: in pixels.
        padding: pixels on each side; `same` keeps the size at stride 1, `valid` is 0.
        dilation: distance between neighbouring values of the kernel.
        groups: of channels.
        kind: what is computed. Transposed convolution and unpooling enlarge by the stride.
        bias: whether each filter has a bias.

    Raises:
        InputError: a number out of range, or groups that do not divide the channels.
    """

    size: tuple[int, int]
    channels: int
    kernel: int
    filters: int = 1
    stride: int = 1
    padding: int | Literal["same", "valid"] = 0
    dilation: int = 1
    groups: int = 1
    kind: Kind = "convolution"
    bias: bool = True

    def __post_init__(self) -> None:
        least = {"input": min(*self.size, self.channels), "filter": self.kernel,
                 "filters": self.filters, "stride": self.stride, "dilation": self.dilation,
                 "groups": self.groups, "padding": 1 if isinstance(self.padding, str)
                 else self.padding + 1}  # fmt: skip
        for name, value in least.items():
            if value < 1:
                raise InputError(
                    f"--{name} is {value - (name == 'padding')}; expected "
                    f"{'0' if name == 'padding' else '1'} or more. Pass another --{name}."
                )
        for name, count in {"the input": self.channels, "--filters": self.outputs}.items():
            if count % self.groups:
                raise InputError(
                    f"--groups is {self.groups}, which does not divide the {count} channels of "
                    f"{name}; expected a divisor. Pass another --groups."
                )
        if self.dilation > 1 and self.kind in ("transposed", "unpooling"):
            raise InputError(
                f"--dilation is for convolution and pooling, but this is {self.kind}; expected 1. "
                "Leave it out."
            )

    @property
    def border(self) -> int:
        """P, pixels.

        Raises:
            InputError: an even window has no `same` padding.
        """
        if isinstance(self.padding, int):
            return self.padding
        return same_padding(self.kernel, self.dilation) if self.padding == "same" else 0

    @property
    def outputs(self) -> int:
        """Channels of the output."""
        return self.channels if self.kind in ("pooling", "unpooling") else self.filters

    @property
    def enlarges(self) -> bool:
        """Whether it is a transposed convolution or an unpooling."""
        return self.kind in ("transposed", "unpooling")

    def exact(self, side: int) -> Fraction:
        """The output of a side, a fraction if the windows do not end at the edge."""
        if self.enlarges:
            return Fraction(transposed_size(side, self.kernel, self.stride, self.border))
        return exact_size(side, self.kernel, self.stride, self.border, self.dilation)

    @property
    def output(self) -> tuple[int, int, int]:
        """Height, width and channels; a fraction is rounded down, as frameworks do.

        Raises:
            InputError: the window is larger than the padded image.
        """
        sides = []
        for side in self.size:
            if self.enlarges:
                sides.append(int(self.exact(side)))
            else:
                numbers = (self.kernel, self.stride, self.border, self.dilation)
                sides.append(conv_size(side, *numbers))
        if min(sides) < 1:
            raise InputError(
                f"the output would have {min(sides)} pixels; expected 1 or more. Pass a smaller "
                "--padding."
            )
        return sides[0], sides[1], self.outputs

    @property
    def legal(self) -> bool:
        """Whether the output is a whole number of pixels."""
        return all(self.exact(side).denominator == 1 for side in self.size)

    def formula(self, side: int) -> str:
        """The output of a side, worked out."""
        n, f, s, p = side, self.kernel, self.stride, self.border
        if self.enlarges:
            return f"{s} x ({n} - 1) + {f} - 2 x {p} = {int(self.exact(side))}"
        span = self.dilation * (f - 1) + 1
        exact = self.exact(side)
        value = str(exact) if exact.denominator == 1 else f"{float(exact):.2f}"
        return f"({n} - {span} + 2 x {p})/{s} + 1 = {value}"

    def legal_strides(self) -> list[int]:
        """Strides up to the window's side that give a whole number of outputs on both sides."""
        found = [legal_strides(n, self.kernel, self.border, self.dilation) for n in self.size]
        return [s for s in found[0] if s in found[1]]

    def legal_paddings(self) -> list[int]:
        """Paddings below the window's side that do."""
        found = [legal_paddings(n, self.kernel, self.stride, self.dilation) for n in self.size]
        return [p for p in found[0] if p in found[1]]

    def legal_sizes(self) -> list[int]:
        """The nearest smaller and larger sides of the input that do, for its height."""
        side = self.size[0]
        lower = next((n for n in range(side, 0, -1) if self._fits(n)), None)
        upper = next(n for n in range(side, side + self.stride + self.kernel * self.dilation + 1)
                     if self._fits(n))  # fmt: skip
        return sorted({n for n in (lower, upper) if n})

    def _fits(self, side: int) -> bool:
        exact = self.exact(side)
        return exact.denominator == 1 and exact >= 1

    def unseen(self) -> tuple[int, int]:
        """Rows at the bottom and columns at the right that no window covers."""
        if self.enlarges:
            return 0, 0
        numbers = (self.kernel, self.stride, self.border, self.dilation)
        return unseen(self.size[0], *numbers), unseen(self.size[1], *numbers)

    @property
    def form(self) -> Form:
        """As it is."""
        if self.kind in ("pooling", "unpooling"):
            return Form(self.kind, 0, 0)
        weights = self.kernel**2 * self.channels // self.groups * self.filters
        pixels = self.size if self.kind == "transposed" else self.output[:2]
        name: str = "transposed convolution" if self.kind == "transposed" else self.kind
        name += f" in {self.groups} groups" if self.groups > 1 else ""
        biases = self.filters if self.bias else 0
        return Form(name, weights + biases, weights * pixels[0] * pixels[1])

    def other_forms(self, reduce: int | None = None, groups: int = 2) -> list[Form]:
        """Other forms of a convolution with outputs of the same shape.

        Args:
            reduce: channels that a 1 x 1 convolution reduces the input to first; None means a
                quarter.
            groups: of a grouped form.
        """
        if self.kind in ("pooling", "unpooling") or self.groups > 1:
            return []
        found = []
        reduced = reduce or self.channels // 4
        if 0 < reduced < self.channels and self.kernel > 1:
            one = replace(self, kernel=1, filters=reduced, stride=1, padding=0, dilation=1,
                          kind="convolution").form  # fmt: skip
            rest = replace(self, channels=reduced).form
            name = f"1 x 1 to {reduced} channels, then {self.kernel} x {self.kernel}"
            found.append(Form(name, one.params + rest.params, one.macs + rest.macs))
        if self.kernel > 1:
            depthwise = replace(self, filters=self.channels, groups=self.channels)
            height, width, _ = self.output
            one = Window((height, width), self.channels, 1, self.filters, bias=self.bias).form
            found.append(Form(
                "depthwise separable", depthwise.form.params + one.params,
                depthwise.form.macs + one.macs,
            ))  # fmt: skip
        if self.channels % groups == 0 and self.filters % groups == 0:
            found.append(replace(self, groups=groups).form)
        return found
