"""The end of a worker's loop while threads of it are still busy."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PROGRAM = """
import asyncio, sys, threading
from streams.lifecycle.worker_threads import LoopThreads, leave

never = threading.Event()

async def main() -> int:
    asyncio.get_running_loop().run_in_executor(None, {asked})
    await asyncio.sleep(0.05)
    return 7

with asyncio.Runner() as runner:
    runner.get_loop().set_default_executor(LoopThreads())
    code = runner.run(main())
print("left")
sys.exit(leave(code))
"""


def ended(asked: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(PROGRAM.format(asked=asked))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)


def test_what_hangs_in_a_thread_holds_up_no_stop() -> None:
    """A mount that never answers, or a long look at the log: the exit code and what was printed arrive all the same."""
    told = ended("never.wait")
    assert (told.returncode, told.stdout.splitlines()[0]) == (7, "left"), told.stderr
    assert "threads still running" in told.stdout + told.stderr


def test_threads_that_are_through_are_joined_as_ever() -> None:
    """Then the interpreter ends in order."""
    told = ended("never.is_set")
    assert (told.returncode, told.stdout) == (7, "left\n"), told.stderr
