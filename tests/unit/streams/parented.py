"""A process that runs under a parent and does one thing: `python -m tests.unit.streams.parented <act> <folder>`.

It writes its process id into `<folder>/worker` and then acts; its parent has `<folder>/died` written when it dies.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from streams.lifecycle.parent import Family, run_under_parent


def main() -> int:
    """Act as told."""
    act, folder = sys.argv[1], Path(sys.argv[2])

    def work(family: Family) -> int:
        assert family.board is not None and family.process_id == os.getppid()
        family.board.add("another event")
        family.board.add("the event")
        family.board.remove("another event")
        if act == "stop in order":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        (folder / "worker.tmp").write_text(str(os.getpid()))
        (folder / "worker.tmp").rename(folder / "worker")
        if act.startswith("exit "):
            return int(act.removeprefix("exit "))
        if act.startswith("SIG"):
            os.kill(os.getpid(), signal.Signals[act])
        number = 0
        while True:
            time.sleep(0.02)
            number += 1
            (folder / "beats").write_text(str(number))

    note = "import sys, pathlib; pathlib.Path(sys.argv[1], 'died').write_text(' '.join(sys.argv[2:]))"
    return int(run_under_parent(work, (sys.executable, "-I", "-S", "-c", note, str(folder))))


if __name__ == "__main__":
    sys.exit(main())
