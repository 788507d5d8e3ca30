"""How much of a device's memory each model may take. Plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

LEFT_FOR_OTHERS = 0.5
"""Of what is free when a model comes: batch sizes beyond those of its card leave this share to models that follow."""


@dataclass
class MemoryBudget:
    """The memory of one device.

    Weights and buffers add up. Scratch memory does not: batches run one after the other, so the largest need of any is
    what all of them need.

    Args:
        total_bytes: that this process may use.
    """

    total_bytes: int
    fixed_bytes: int = 0
    """Of all models that are loaded."""
    scratch_bytes: int = 0
    """The largest of any batch so far."""

    @property
    def free_bytes(self) -> int:
        """What nothing needs; negative beyond the budget."""
        return self.total_bytes - self.fixed_bytes - self.scratch_bytes

    def share(self) -> ModelShare:
        """Return the account of a model that begins to load."""
        return ModelShare(self, self.free_bytes)


@dataclass
class ModelShare:
    """What one model has of the budget."""

    budget: MemoryBudget
    free_at_start_bytes: int
    fixed_bytes: int = field(default=0, init=False)

    def take(self, num_bytes: int) -> bool:
        """Count weights or buffers; False, and nothing is counted, if they do not fit."""
        if num_bytes > self.budget.free_bytes:
            return False
        self.fixed_bytes += num_bytes
        self.budget.fixed_bytes += num_bytes
        return True

    def admits(self, buffer_bytes: int, scratch_bytes: int, *, is_of_card: bool) -> bool:
        """Return whether a batch size fits.

        Args:
            buffer_bytes: that it keeps.
            scratch_bytes: that it needs while it runs.
            is_of_card: whether the card names it; others leave room for models that follow.
        """
        grown = max(0, scratch_bytes - self.budget.scratch_bytes)
        left = self.budget.free_bytes - buffer_bytes - grown
        return left >= (0 if is_of_card else int(LEFT_FOR_OTHERS * self.free_at_start_bytes))

    def use(self, buffer_bytes: int, scratch_bytes: int) -> None:
        """Count a batch size that was admitted."""
        self.fixed_bytes += buffer_bytes
        self.budget.fixed_bytes += buffer_bytes
        self.budget.scratch_bytes = max(self.budget.scratch_bytes, scratch_bytes)

    def give_back(self) -> None:
        """Count the model no more; may be repeated."""
        self.budget.fixed_bytes -= self.fixed_bytes
        self.fixed_bytes = 0
