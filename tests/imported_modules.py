"""What a run of the command line imports, seen from within its process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

HEAVY = frozenset({
    "torch", "faust", "mode", "aiokafka", "aiohttp", "redis", "pydantic", "pydantic_settings", "rich", "structlog",
    "opentelemetry", "prometheus_client", "numpy", "av", "cv2", "onnx", "cryptography", "psutil", "obstore",
})  # fmt: skip
"""Each takes a good part of what a small command may take, or more; none is needed to ask and to answer."""


class Run(NamedTuple):
    """How it ended, and what it had imported by then."""

    exit_code: int
    stdout: str
    stderr: str
    modules: frozenset[str]
    """Names of all modules."""

    @property
    def heavy(self) -> set[str]:
        """Heavy packages among them."""
        return {name.partition(".")[0] for name in self.modules} & HEAVY


def run_command(*words: str, environment: Mapping[str, str] | None = None) -> Run:
    """Run `vidsignal` in a process of its own, with variables next to those of this process."""
    ended = subprocess.run(
        [sys.executable, "-c", _RUN_AND_LIST, *words],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    stderr, _, modules = ended.stderr.rpartition(_MARK)
    return Run(ended.returncode, ended.stdout, stderr, frozenset(modules.split()))


_MARK = "--- modules: "
_RUN_AND_LIST = f"""
import sys
from ops.cli.main import app
try:
    app(prog_name="vidsignal")
finally:
    print({_MARK!r}, *sys.modules, file=sys.stderr)
"""
