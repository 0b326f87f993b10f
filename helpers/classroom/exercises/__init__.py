"""The exercises, one module per notebook: a reference for each, and a check that asks about the likely slip."""

import torch
from torch import Tensor


def close(a: Tensor, b: Tensor) -> bool:
    """Are two tensors the same, shapes included, up to the rounding of float32? One may be float64."""
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), atol=1e-5)
