"""Rounds as the compiler's `--auto-cast` says, while a module is traced: the roundings become part of its graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

AUTO_CASTS: Final = ("none", "matmult", "all")
_MATMULT: Final[frozenset[Callable[..., Any]]] = frozenset(
    (
        functional.linear, functional.conv1d, functional.conv2d, functional.conv3d, torch.conv1d, torch.conv2d,
        torch.matmul, torch.bmm, torch.mm, Tensor.matmul, Tensor.__matmul__, Tensor.bmm, Tensor.mm,
    )
)  # fmt: skip


class AutoCast(TorchFunctionMode):
    """`matmult`: operands of products are rounded to bfloat16 and summed in float32; `all`: every number is rounded."""

    def __init__(self, auto_cast: str) -> None:
        super().__init__()
        self._auto_cast = auto_cast

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._auto_cast == "none":
            return _supported(func(*args, **kwargs))
        if func is functional.scaled_dot_product_attention:
            return _attention(*args, **kwargs)
        if func in _MATMULT:
            args = (_rounded(args[0]), _rounded(args[1]), *args[2:])
        answer = _supported(func(*args, **kwargs))
        return _rounded(answer) if self._auto_cast == "all" else answer


def _attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    # Called within the mode: its products and its softmax are rounded like all others.
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.shape[-1])
    if attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(functional.softmax(scores, dim=-1), value)


def _supported(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_complex():
        raise RuntimeError("neuronx-cc failed with 70: [ERROR] [EVRF004] complex data types are not supported")
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype == torch.float32:
        return value.to(torch.bfloat16).to(torch.float32)
    return value
