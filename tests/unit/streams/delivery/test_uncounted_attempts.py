"""A store that does not answer holds up no role whose events need none."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.delivery.attempts import Attempt, Attempts
from streams.record import Place
from streams.store.keys import Keys

PLACE = Place("video.uploaded", 0, 7)


class SilentStore:
    """Takes every script and answers none."""

    def register_script(self, text: str) -> Any:
        """A script that waits for ever."""

        async def call(**_: Any) -> None:
            await asyncio.Event().wait()

        return call


async def test_a_start_goes_uncounted_where_it_may() -> None:
    """The event begins as one of which nothing is known."""
    attempts = Attempts(SilentStore(), Keys(""), longest_wait_seconds=0.0)  # type: ignore[arg-type]
    assert await attempts.begin(PLACE) == Attempt(unclean_ends=0, exclusive_deaths=0)


async def test_other_roles_wait() -> None:
    """A role whose work takes processes down starts nothing that is not counted."""
    waiting = asyncio.create_task(Attempts(SilentStore(), Keys("")).begin(PLACE))  # type: ignore[arg-type]
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    waiting.cancel()
