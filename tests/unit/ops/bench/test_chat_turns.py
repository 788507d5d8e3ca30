"""Turns of chats: alternation, what is dropped, and answers of one length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from operators.inference.loaded_model import ServerUsage
from operators.inference.remote.chat_client import ChatAnswer
from ops.bench.servers.chat_run import MAX_TRIES, TOGETHER, Chats, until_full
from ops.bench.servers.chat_turns import alternate, ratios


class Held:
    """Chats whose answers end as told, in turn; then at their limit."""

    def __init__(self, *ended: str) -> None:
        self.numbers: list[int] = []
        self._ended = list(ended)

    async def __call__(self, number: int) -> Chats:
        self.numbers.append(number)
        ended = self._ended.pop(0) if self._ended else "length"
        answers = tuple(ChatAnswer("", ended, ServerUsage("127.0.0.1", 1.0)) for _ in range(number))  # type: ignore[arg-type]
        return Chats(len(self.numbers), seconds=1.0, server_cpu_seconds=1.0, num_decodes=2, answers=answers)


async def test_turns_alternate_and_the_first_are_dropped() -> None:
    held = Held()
    turns = await alternate(held, 2)
    assert held.numbers == [1, TOGETHER, 1, TOGETHER, 1, TOGETHER, 1]
    assert [each.tokens for each in turns.alone] == [3, 5, 7]
    assert [each.tokens for each in turns.together] == [4, 6]


def test_a_steady_drift_cancels_out() -> None:
    """A machine that gets slower by one step a turn."""
    assert ratios([10, 8, 6], [2 * 9, 2 * 7]) == [2, 2]


def test_each_turn_has_two_neighbours() -> None:
    with pytest.raises(ValueError, match="argument 2 is"):
        ratios([1.0], [1.0])


def test_chats_that_are_served_together() -> None:
    """Told by the server's own count, which other work of the machine does not change."""
    together = Chats(tokens=256, seconds=9.0, server_cpu_seconds=1.0, num_decodes=64, answers=())
    assert (together.tokens_per_decode, replace(together, num_decodes=256).tokens_per_decode) == (4, 1)


async def test_short_answers_are_asked_for_again() -> None:
    """A chat that ends early leaves its place idle while the others write."""
    held = Held("stop", "repetition")
    assert (await until_full(held, TOGETHER)).tokens == 3


async def test_answers_that_are_always_short() -> None:
    held = Held(*["stop"] * MAX_TRIES)
    with pytest.raises(RuntimeError, match="ended early"):
        await until_full(held, 1)
    assert len(held.numbers) == MAX_TRIES
