"""A competitor's own server: started next to its driver, ready when it answers."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

from ops.bench.inference.benched_model import BenchedModel
from ops.local.child import Child, start_child

_READY_SECONDS = 180.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.1


class ServerChild:
    """One server process with everything that it starts; its log is in a temporary folder."""

    def __init__(self, module: str, benched: BenchedModel, ports: Sequence[int]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._child: Child = start_child(
            module,
            [sys.executable, "-P", "-m", module, json.dumps(benched.as_json()), *map(str, ports)],
            log_path=Path(self._folder.name) / "server.log",
        )

    async def await_answer(self, try_once: Callable[[], Awaitable[object]]) -> None:
        """Call `try_once` until it raises nothing.

        Raises:
            ChildDied: the server ended.
            TimeoutError: it did not answer in time.
        """
        deadline = monotonic() + _READY_SECONDS
        while True:
            self._child.require_alive()
            try:
                await try_once()
            except Exception as error:  # whatever its client raises while the server starts
                if monotonic() > deadline:
                    raise TimeoutError(f"no answer within {_READY_SECONDS} s: {self._child.log_tail()}") from error
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return

    def stop(self) -> None:
        """End the server."""
        self._child.stop(_STOP_SECONDS)
        self._folder.cleanup()
