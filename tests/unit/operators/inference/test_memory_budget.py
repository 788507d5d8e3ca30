"""Models share the memory of a device: weights add up, scratch memory does not, and the first leaves room."""

from __future__ import annotations

from operators.inference.cuda.memory_budget import MemoryBudget


def test_weights_add_up() -> None:
    """What does not fit is refused, and not counted."""
    budget = MemoryBudget(100)
    assert budget.share().take(60)
    assert not budget.share().take(60)
    assert budget.share().take(40)
    assert budget.free_bytes == 0


def test_scratch_is_shared() -> None:
    """Batches run one after the other: two models with the same need fit where the sum would not."""
    budget = MemoryBudget(100)
    for _ in range(2):
        share = budget.share()
        assert share.admits(5, 80, is_of_card=True)
        share.use(5, 80)
    assert budget.free_bytes == 10


def test_larger_sizes_leave_room() -> None:
    """A size beyond the card's takes no more than half of what the model found; one of the card may take all."""
    share = MemoryBudget(100).share()
    assert not share.admits(0, 60, is_of_card=False)
    assert share.admits(0, 50, is_of_card=False)
    assert share.admits(0, 100, is_of_card=True)
    assert not share.admits(1, 100, is_of_card=True)


def test_a_closed_model_gives_back() -> None:
    """Once, however often it is closed."""
    budget = MemoryBudget(100)
    share = budget.share()
    share.take(30)
    share.use(10, 20)
    share.give_back()
    share.give_back()
    assert budget.fixed_bytes == 0
