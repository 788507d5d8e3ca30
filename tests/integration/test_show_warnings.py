"""`vidsignal show` tells what is likely a mistake in an upload or a deletion, for people and for scripts."""

from __future__ import annotations

import asyncio
import json

from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from ops.cli.main import app
from schemas.warnings import EventWarning
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from tests.integration.verdict_world import RULESET
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted
from tests.unit.streams.verdict.folding import deleted

CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, UPLOADED_UNIX_SECONDS + 10.0)
FOUND = EventWarning(kind="unknown-market", message="no country has the code 'ZZ'", field="market")


def shown(redis_url: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["show", *words], env={"VIDSIGNAL_REDIS_URL": redis_url})


async def store(redis_url: str, fact: object) -> None:
    folded = fold(None, fact, 0, CONTEXT)  # type: ignore[arg-type]
    assert folded.state is not None
    async with Redis.from_url(redis_url) as redis:
        assert await Outcomes(redis, Keys()).replace(VIDEO_ID, None, folded.state, folded.outcome)


def test_of_an_upload(redis_url: str) -> None:
    """In a line of its own, and as a list next to the status."""
    asyncio.run(store(redis_url, accepted(warnings=(FOUND,))))
    assert "warning (unknown-market) market: no country has the code 'ZZ'" in shown(redis_url, VIDEO_ID).stdout
    document = json.loads(shown(redis_url, VIDEO_ID, "--json").stdout)
    assert [warning["kind"] for warning in document["warnings"]] == ["unknown-market"]
    assert json.loads(document["status"]["warnings"]) == document["warnings"]


def test_of_a_deletion_of_an_unknown_id(redis_url: str) -> None:
    """There is no case, and who asks learns why."""
    asyncio.run(store(redis_url, deleted(1)))
    ended = shown(redis_url, VIDEO_ID)
    assert ended.exit_code == 1
    assert "warning (unknown-video) video_id: a deletion came for an id of which nothing was known" in ended.stdout
