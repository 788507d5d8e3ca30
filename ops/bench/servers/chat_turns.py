"""Turns of one chat and of several, in alternation, so that what else the machine does weighs on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from ops.bench.servers.chat_run import TOGETHER, Chats

Hold = Callable[[int], Awaitable[Chats]]
"""Holds so many chats at the same time."""


@dataclass(frozen=True, slots=True)
class ChatTurns:
    """Turns in the order of time: one chat, several, one chat, and so on; it begins and ends with one chat."""

    alone: Sequence[Chats]
    together: Sequence[Chats]


async def alternate(hold: Hold, num_turns: int) -> ChatTurns:
    """Hold several chats so many times, each time between two turns of one chat.

    The first turns are dropped: the server has not read the questions before, and its memory is cold.
    """
    await hold(1)
    await hold(TOGETHER)
    alone, together = [await hold(1)], []
    for _ in range(num_turns):
        together.append(await hold(TOGETHER))
        alone.append(await hold(1))
    return ChatTurns(alone, together)


def ratios(alone: Sequence[float], together: Sequence[float]) -> list[float]:
    """Return each turn of several over the mean of the two turns of one around it: a steady drift cancels out.

    Args:
        alone: rates of one chat; one more than `together`.
        together: rates of several.
    """
    return [rate / fmean(around) for rate, around in zip(together, pairwise(alone), strict=True)]
