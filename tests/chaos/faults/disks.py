"""A disk that takes nothing more, without a disk of one's own: the kernel refuses a process to write into files.

`RLIMIT_FSIZE` of a running process of ours is lowered, so that its writes fail with EFBIG, much as ENOSPC would have
them fail; programs that are started here ignore the signal that comes with it.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from ops.local.child import Child
from tests.chaos.faults.attack import Attack

_EXIT_SECONDS = 15.0


def fill_worker_disk(attack: Attack) -> None:
    """A worker can neither log nor spool for a while."""
    for victim in attack.world.victims(attack.chance):
        attack.tell(worker=victim.name)
        with full_disk(victim.child):
            attack.wait(attack.chance.uniform(5.0, 15.0))


def fill_broker_disk(attack: Attack) -> None:
    """A broker cannot append, and ends itself; it comes back when there is room."""
    with attack.world.broker_lock:
        node_id = attack.chance.choice(attack.world.kafka.node_ids)
        attack.tell(node=node_id)
        child = attack.world.kafka.child(node_id)
        with full_disk(child):
            _await_exit(attack, child)
        attack.world.restart_broker(node_id)


def fill_store_disk(attack: Attack) -> None:
    """The store cannot append to its file, and ends itself; it comes back when there is room."""
    with attack.world.store_lock:
        attack.tell()
        child = attack.world.store.primary.child
        with full_disk(child):
            _await_exit(attack, child)
        attack.world.store.restart_primary()


@contextmanager
def full_disk(child: Child) -> Iterator[None]:
    """Within, the process can write nothing into any file."""
    process = psutil.Process(child.pid)
    hard = process.rlimit(psutil.RLIMIT_FSIZE)[1]
    process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY if hard == -1 else hard, hard))


def _await_exit(attack: Attack, child: Child) -> None:
    for _ in range(int(_EXIT_SECONDS * 10)):
        if child.exit_code is not None:
            return
        attack.wait(0.1)
