"""Scripts outlive the store's memory of them."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.facts import Accepted
from streams.store.client import Store
from streams.store.keys import Keys
from streams.store.video_statuses import Registered, VideoStatuses
from tests.sample_facts import accepted

FACT: Accepted = accepted(1)


class ForgetfulStore(Store):
    """Restarts, so to speak, after each of the next loads of a script."""

    num_restarts = 0

    async def script_load(self, script: Any) -> Any:
        """Load it, and forget it at once."""
        loaded = await super().script_load(script)
        if self.num_restarts:
            self.num_restarts -= 1
            await self.script_flush()
        return loaded


@pytest.mark.parametrize("num_restarts", [0, 1, 3])
async def test_a_store_that_restarts_after_the_load(redis_url: str, num_restarts: int) -> None:
    """A script that is forgotten between its load and its call is loaded again, as often as it takes."""
    store: Any = ForgetfulStore.from_url(redis_url)
    await store.script_flush()
    store.num_restarts = num_restarts
    with capture_logs() as logs:
        registered = await VideoStatuses(store, Keys(f"forgetful-{num_restarts}.")).register(FACT)
    await store.aclose()
    assert registered is Registered.WRITTEN
    assert len(logs) == num_restarts
