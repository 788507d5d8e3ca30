"""The process that runs models in all their modes: one JSON line with a command in, one JSON line with the answer out.

Run as `python -m ops.bench.engines.driver MAX_ISA`; empty for no limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ops.bench.engines.processors import ISA_VARIABLE
from streams.config.settings import read_settings
from streams.lifecycle.process_setup import prepare_process

if TYPE_CHECKING:
    from ops.bench.engines.timed_model import ModelTurns

Command = Callable[..., dict[str, Any]]


def main(max_isa: str) -> None:
    """Answer commands until standard input closes."""
    settings = read_settings()
    capabilities = prepare_process(settings)
    if max_isa:
        os.environ[ISA_VARIABLE] = max_isa  # read when torch first uses oneDNN
    from ops.bench.engines.sample_mix import items_per_video
    from ops.bench.engines.timed_model import ModelTurns

    turns = ModelTurns(settings, capabilities, is_limited=bool(max_isa))
    commands: dict[str, Command] = {
        "count": lambda: {"items": asyncio.run(items_per_video(settings))},
        "open": turns.open,
        "round": turns.run_round,
    }
    _serve(commands, turns)


def _serve(commands: dict[str, Command], turns: ModelTurns) -> None:
    _say({"event": "ready"})
    try:
        while line := sys.stdin.readline():
            command = json.loads(line)
            _say({"event": "done", **commands[command.pop("do")](**command)})
    finally:
        turns.close()


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
