"""Local response normalisation."""

from torch import Tensor, nn
from torch.nn import functional as F


class LocalResponseNorm(nn.Module):
    """Divides each activation by the activity of its neighbours across channels.

    Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
    NIPS 2012, section 3.3:

        b_i = a_i / (k + alpha sum_j a_j^2)^beta,  j over the n channels around i

    torch divides alpha by n, as Caffe does; here alpha is the paper's.

    Args:
        n: channels summed over.
        k: constant that keeps the divisor from zero.
        alpha: weight of the sum.
        beta: exponent.

    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__()
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, self.n, self.alpha * self.n, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"n={self.n}, k={self.k}, alpha={self.alpha}, beta={self.beta}"


def caffe_lrn() -> LocalResponseNorm:
    """The normalisation of Caffe's own networks: k = 1, and alpha = 1e-4 divided by n = 5."""
    return LocalResponseNorm(n=5, k=1.0, alpha=1e-4 / 5, beta=0.75)
