"""Faults of Redis."""

from __future__ import annotations

from tests.chaos.faults.attack import Attack


def kill_store(attack: Attack) -> None:
    """SIGKILL, and a restart from the append-only file."""
    with attack.world.store_lock:
        attack.world.store.primary.kill()
        attack.tell()
        attack.wait(attack.chance.uniform(0.5, 6.0))
        attack.world.store.restart_primary()


def stop_store(attack: Attack) -> None:
    """SIGSTOP: every command hangs."""
    with attack.world.store_lock:
        child = attack.world.store.primary.child
        seconds = attack.chance.uniform(5.0, 20.0)
        child.pause()
        attack.tell(seconds=round(seconds, 1))
        attack.wait(seconds)
        child.resume()


def fail_over_store(attack: Attack) -> None:
    """The primary dies and its replica takes over at the same address, without what had not reached it."""
    with attack.world.store_lock:
        attack.world.store.fail_over()
        attack.tell()
        attack.wait(attack.chance.uniform(1.0, 5.0))
        attack.world.store.bring_back_replica()
