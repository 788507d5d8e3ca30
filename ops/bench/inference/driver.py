"""The process of one competitor: one JSON line with a command in, one JSON line with what was measured out.

Run as `python -m ops.bench.inference.driver COMPETITOR MODEL`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ops.bench.inference.benched_model import BenchedModel, items_of, load_benched_model
from ops.bench.inference.competitor_names import BARE, LITSERVE, PYTRITON, VIDSIGNAL
from ops.bench.inference.ready_time import ready_seconds
from streams.config.settings import read_settings
from streams.lifecycle.process_setup import prepare_process

Say = Callable[[dict[str, Any]], None]


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def drive_bare_loop(benched: BenchedModel) -> None:
    """Answer commands with a bare loop, until standard input closes."""
    settings = read_settings()
    capabilities = prepare_process(settings)
    from ops.bench.inference.bare_loop import BareLoop

    loop = BareLoop(load_benched_model(settings, capabilities, benched), benched.sizes, items_of(benched.card))
    _say({"event": "ready", "sizes": benched.sizes})
    while line := sys.stdin.readline():
        command = json.loads(line)
        if command["do"] == "saturate":
            before_seconds = ready_seconds("")
            saturated = asdict(loop.saturate(command["seconds"]))
            _say({"event": "done", **saturated, "ready_seconds": ready_seconds("") - before_seconds})
        else:
            _say({"event": "done", "latencies_seconds": loop.one_at_a_time(command["count"])})


async def drive(name: str, benched: BenchedModel) -> None:
    """Answer commands with a competitor that can be asked, until standard input closes."""
    settings = read_settings()
    capabilities = prepare_process(settings)
    from ops.bench.inference.batching_competitor import BatchingCompetitor
    from ops.bench.inference.commands import COMMANDS

    competitor: BatchingCompetitor
    if name == VIDSIGNAL:
        from ops.bench.inference.ours import VidsignalBatcher

        competitor = VidsignalBatcher(settings, capabilities, benched)
    elif name == LITSERVE:
        from ops.bench.inference.litserve_client import LitServeCompetitor

        competitor = LitServeCompetitor(benched)
    else:
        from ops.bench.inference.triton_client import TritonCompetitor

        competitor = TritonCompetitor(benched)
    try:
        await competitor.open()
        items = items_of(benched.card)
        _say({"event": "ready", "sizes": competitor.sizes})
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            measured = await COMMANDS[command.pop("do")](competitor, items, **command)
            _say({"event": "done", **measured, **competitor.counts()})
    finally:
        await competitor.close()


def main() -> None:
    """Drive the competitor that the command line names."""
    name, benched = sys.argv[1], BenchedModel.from_json(json.loads(sys.argv[2]))
    if name == BARE:
        drive_bare_loop(benched)
    elif name in (VIDSIGNAL, LITSERVE, PYTRITON):
        asyncio.run(drive(name, benched))
    else:
        raise SystemExit(f"no competitor {name!r}")


if __name__ == "__main__":
    main()
