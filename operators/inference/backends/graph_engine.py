"""The interface of an engine that runs graphs of models on the CPU: torch, or an optional one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from models.card import Card
from operators.inference.graph_cache import CompiledModel, Graph, Shape

Forward = Callable[[Tensor], tuple[Tensor, ...]]
"""Computes a batch of the one shape that it was prepared for."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compile a module."""

    is_fused: bool
    """See `CompiledModel.is_fused`."""
    is_shared: bool
    """One graph for all shapes, so that the weights exist once; otherwise one per shape, for modules that use their
    batch size or length as a number."""

    def __str__(self) -> str:
        return f"{'fused' if self.is_fused else 'traced'} with {'one graph' if self.is_shared else 'a graph a shape'}"


class GraphEngine(Protocol):
    """An engine in one precision."""

    @property
    def tolerance(self) -> float:
        """Largest permitted difference of the compiled from the eager module on noise, see `relative_difference`."""

    @property
    def ways(self) -> Sequence[Way]:
        """Ways to compile, the fastest first."""

    def trunk(self, module: nn.Module) -> nn.Module:
        """Return the eager module whose answers the compiled one must have, with float32 outputs."""

    def compiled(self, trunk: nn.Module, card: Card, shapes: Sequence[Shape], way: Way) -> tuple[Graph, ...]:
        """Compile a module for some shapes of batches, ascending.

        Raises:
            RuntimeError, TypeError, ValueError, IndexError: the module cannot be compiled in this way.
        """

    def forwards(self, compiled: CompiledModel) -> dict[Shape, Forward]:
        """Return a function for each shape; those of one graph share its weights.

        Raises:
            RuntimeError, ValueError: the bytes are no graph of this engine.
        """

    def prepare(self, forward: Forward, batch: np.ndarray, is_fused: bool) -> tuple[np.ndarray, ...]:
        """Let a function optimise itself for a batch's shape; return its last output.

        Raises:
            RuntimeError: it cannot run.
        """
