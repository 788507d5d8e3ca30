"""Runs a command that ends with the process that started it.

Run as a script, `python -I -S parent_death_watch.py PARENT_PID COMMAND...`, so that it starts in milliseconds. The link
is made here and not in a hook between fork and exec of the parent, because such a hook is unsafe in a process with
threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel send SIGKILL to this process when its parent has ended for any reason.

    Does nothing on kernels other than Linux.

    Raises:
        SystemExit: the parent has ended already.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent_pid:
        raise SystemExit(f"process {parent_pid}, which asked for this one, is gone")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  the command comes from our own code, no shell is wanted
