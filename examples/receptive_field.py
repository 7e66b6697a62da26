"""Read the receptive field of a network, and measure how much of it the gradient uses.

The theoretical field is exact arithmetic. The effective field is the region with most of the
gradient of one output: Luo et al., "Understanding the Effective Receptive Field", NIPS 2016.
"""

import torch

import canon


def effective_side(net: torch.nn.Module, side: int, share: float, images: int = 8) -> int:
    """Side of the central square with a share of the input gradient of the central output."""
    x = torch.randn(images, 3, side, side, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    output = net.features(x)
    center = output.shape[-1] // 2
    output[:, :, center, center].sum().backward()
    gradient = x.grad.abs().sum((0, 1))
    row, column = (int(gradient.sum(1 - axis).argmax()) for axis in (0, 1))
    for radius in range(side):
        inside = gradient[max(0, row - radius) : row + radius + 1,
                          max(0, column - radius) : column + radius + 1]  # fmt: skip
        if inside.sum() >= share * gradient.sum():
            break
    return 2 * radius + 1


def main() -> None:
    """Print the receptive fields of the stages of VGG-16, and compare three networks."""
    print(f"{'stage':<8}{'output':>16}{'field':>8}{'jump':>6}   pixels")
    for row in canon.describe("vgg16").stages():
        if len(row.output) == 3 and not row.field.whole:
            size = " x ".join(map(str, row.output))
            print(f"{row.name:<8}{size:>16}{row.field.height.size:>8}{row.field.height.jump:>6g}")

    for name in ("alexnet", "zfnet", "resnet18"):
        side = canon.model_info(name).published.image
        field = canon.describe(name).field.height.size
        used = effective_side(canon.create(name).eval(), side, share=0.9)
        print(f"{name}: field {field} pixels; 90 % of the gradient in the central {used}")


if __name__ == "__main__":
    main()
