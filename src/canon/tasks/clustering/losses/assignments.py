"""Soft assignments and their targets: cluster assignment hardening."""

import torch
from torch import Tensor

from canon.types import Logits


def target_distribution(q: Tensor) -> Tensor:
    """The targets p of soft assignments q: squared, divided by cluster size, and normalised.

    Xie, Girshick, Farhadi, ICML 2016, equation 3, with f_j = sum_i q_ij:

        p_ij = (q_ij^2 / f_j) / sum_j' (q_ij'^2 / f_j')

    Shape: (N, K) -> (N, K)
    """
    weights = q.square() / q.sum(0)
    return weights / weights.sum(1, keepdim=True)


def kl_divergence(p: Tensor, log_q: Logits) -> Tensor:
    """KL(P || Q) of each sample, sum_j p_ij log(p_ij / q_ij), nats (equation 2).

    Shape: (N, K), (N, K) -> (N,)
    """
    return (torch.special.xlogy(p, p) - p * log_q).sum(1)
