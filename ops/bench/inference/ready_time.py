"""How long a thread was ready to run while other threads had the cores, by the kernel's scheduler."""

from __future__ import annotations

from pathlib import Path

_TASKS = Path("/proc/self/task")
_NANOSECOND = 1e-9


def ready_seconds(name: str) -> float:
    """Return the total of the thread that has computed most among those of this process whose name starts so.

    It is 0 if the kernel does not count it.
    """
    tasks = [_run_and_ready_seconds(task) for task in _TASKS.iterdir() if _is_named(task, name)]
    return max(tasks, default=(0.0, 0.0))[1]


def _is_named(task: Path, name: str) -> bool:
    try:
        return (task / "comm").read_text(encoding="utf-8").startswith(name)
    except OSError:
        return False  # it has ended


def _run_and_ready_seconds(task: Path) -> tuple[float, float]:
    try:
        run, ready, _ = (task / "schedstat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(run) * _NANOSECOND, int(ready) * _NANOSECOND
