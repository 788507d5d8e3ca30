"""`analyze` as a process that a benchmark drives: one JSON line with paths in, one JSON line with the seconds out."""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic, time
from typing import Any

from schemas.uploads import FileSource, VideoUploaded
from streams.process_setup import prepare_process
from streams.settings import read_settings


async def serve() -> None:
    """Answer until standard input closes."""
    settings = read_settings()
    capabilities = prepare_process(settings)
    # torch comes with these, after the process was prepared
    from streams.clock import SystemClock
    from streams.direct import DirectAnalysis
    from streams.engine import open_engine
    from streams.verdict.cost import Prices
    from streams.verdict.outcome import FoldContext
    from streams.verdict.policy_file import load_policy

    engine = await open_engine(settings, capabilities)
    context = FoldContext(load_policy(None), Prices.from_settings(settings), 0, time())
    analysis = DirectAnalysis(engine, context, slots=settings.slots, clock=SystemClock())
    try:
        _say({"event": "ready", "device": engine.device})
        while line := await asyncio.to_thread(sys.stdin.readline):
            uploads = [_upload(item) for item in json.loads(line)]
            began = monotonic()
            outcomes = await asyncio.gather(*(analysis.outcome_of(upload) for upload in uploads))
            failed = sum(bool(outcome.verdict.modalities.failed) for outcome in outcomes)
            _say({"event": "done", "seconds": monotonic() - began, "failed": failed})
    finally:
        await engine.close()


def _upload(item: dict[str, Any]) -> VideoUploaded:
    return VideoUploaded(
        video_id=item["video_id"],
        source=FileSource(path=item["path"]),
        title=item["title"],
        description=item["description"],
        hashtags=tuple(item["hashtags"]),
    )


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
