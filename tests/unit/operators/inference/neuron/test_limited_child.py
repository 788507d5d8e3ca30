"""A child may crash, run for ever or take all memory: its parent learns which, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from operators.inference.neuron.limited_child import ChildFailed, ChildLimits, run_in_child
from tests.pipeline import await_value

GENEROUS = ChildLimits(seconds=300.0, memory_bytes=2**40)


def write(path: Path) -> None:
    path.write_text("done")


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise RuntimeError("neuronx-cc failed with -9")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_with_a_child(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    path.write_text(str(child.pid))
    time.sleep(600)


def has_ended(process_id: int) -> bool:
    """Also as a zombie; the kernel takes a moment to end what was killed."""
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def take(num_bytes: int) -> None:
    kept = bytearray(os.urandom(2**20) * (num_bytes // 2**20))
    time.sleep(600)
    del kept


def test_does_its_work(tmp_path: Path) -> None:
    """In a process of its own."""
    run_in_child(write, (tmp_path / "file",), GENEROUS)
    assert (tmp_path / "file").read_text() == "done"


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (crash, "^died of SIGSEGV$"),
        (fail, "^RuntimeError: neuronx-cc failed with -9$"),
        (die, "killed from outside, usually because the machine has no memory"),
    ],
)
def test_says_how_it_ended(work: object, reason: str) -> None:
    """A crash of the compiler, its own error, and the kernel's killer of processes."""
    with pytest.raises(ChildFailed, match=reason):
        run_in_child(work, (), GENEROUS)  # type: ignore[arg-type]


def test_time_limit_ends_what_it_started(tmp_path: Path) -> None:
    """The child is killed with the compiler's processes, which would work on for an hour."""
    with pytest.raises(ChildFailed, match="longer than 3 seconds"):
        run_in_child(wait_with_a_child, (tmp_path / "pid",), ChildLimits(3.0, 2**40))
    if (tmp_path / "pid").exists():  # a slow machine may kill it before it has a child
        grandchild = int((tmp_path / "pid").read_text() or 0)
        await_value(lambda: has_ended(grandchild) or None, 60.0, lambda: f"process {grandchild} still runs")


def test_memory_limit() -> None:
    """Resident memory, not address space, which libraries reserve without using it."""
    with pytest.raises(ChildFailed, match="bytes of memory, allowed are 134217728"):
        run_in_child(take, (2**28,), ChildLimits(300.0, 2**27))
