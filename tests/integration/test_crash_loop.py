"""An upload that kills its worker costs itself, and nothing next to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from tests.faulty_worker import FAULTY_WORKER
from tests.integration.bad_input_cases import healthy
from tests.pipeline import Pipeline, await_value, upload_of
from tests.planted_faults import DEATH_COLOUR, coloured

pytestmark = pytest.mark.slow

LIFE_SECONDS = 300
"""At most, of one worker: it starts, waits until the group has given up the dead one, and works."""


class TestCrashLoop:
    """An upload that kills its worker every time."""

    def test_is_given_up_and_the_others_get_through(self, kafka: str, redis_server: RedisServer) -> None:
        """After deaths in company it dies alone, twice; then it is one dead letter, and what was next to it is fine."""
        with (
            scratch_dir() as folder,
            Pipeline.opened(
                folder / "pipeline",
                bootstrap_servers=kafka,
                redis_url=redis_server.url,
                media_roots=[folder],
                partitions=1,
                decode_processes="2",
            ) as pipeline,
        ):
            _publish_deadly(pipeline, folder)
            num_deaths = _supervise(pipeline, ["deadly", "beside-1", "beside-2"])
            verdicts = pipeline.verdicts()
            [dead_letter] = pipeline.dead_letters()
        assert num_deaths == 5  # three in company, two alone
        assert (dead_letter.cause, dead_letter.key) == ("crash-loop", b"deadly")
        assert {failure.cause for failure in verdicts["deadly"].modalities.failed.values()} == {"crash-loop"}
        assert verdicts["deadly"].action == "review"
        assert [verdicts[name].action for name in ("beside-1", "beside-2")] == ["allow", "allow"]


def _publish_deadly(pipeline: Pipeline, folder: Path) -> None:
    fine = healthy(folder / "healthy.mp4")
    deadly = coloured(folder / "deadly.mp4", DEATH_COLOUR)
    pipeline.publish(upload_of(fine, "beside-1"), upload_of(deadly, "deadly"), upload_of(fine, "beside-2"))


def _supervise(pipeline: Pipeline, names: list[str]) -> int:
    """Start the worker again whenever it died, as a supervisor would; return how often that was."""
    for num_deaths in range(12):
        if _runs_until_all_is_decided(pipeline, f"worker-{num_deaths}", names):
            return num_deaths
    raise AssertionError("twelve deaths and no end")


def _runs_until_all_is_decided(pipeline: Pipeline, name: str, names: list[str]) -> bool:
    """Whether a worker lived until every video was final."""
    worker = pipeline.start_worker(name, command=FAULTY_WORKER, wait=False)
    ended = await_value(lambda: _ended(pipeline, worker.child.exit_code, names), LIFE_SECONDS, worker.child.log_tail)
    worker.close()
    return ended == "decided"


def _ended(pipeline: Pipeline, exit_code: int | None, names: list[str]) -> str | None:
    if exit_code is not None:
        return "died"
    verdicts = pipeline.verdicts()
    is_decided = all(name in verdicts and verdicts[name].status == "final" for name in names)
    return "decided" if is_decided else None
