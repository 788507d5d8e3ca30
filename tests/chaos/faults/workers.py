"""Faults of worker processes."""

from __future__ import annotations

from typing import Final

from tests.chaos.faults.attack import Attack
from tests.chaos.world.worker import Worker
from tests.chaos.world.world import TIMEOUT_SECONDS

_SHORTEST_STOP_SECONDS: Final = 5.0
_CLOCK_JUMPS_SECONDS: Final = (-480.0, -30.0, 30.0, 120.0)
"""Behind by less than the ten minutes up to which the engagement role takes times ahead of its clock. What a clock that
is ahead registers for later (summaries, tombstones once more) comes later by as much, and has to be waited for."""


def kill_worker(attack: Attack) -> None:
    """SIGKILL; a successor comes within some seconds."""
    _kill(attack, 1)


def kill_two_workers(attack: Attack) -> None:
    """SIGKILL to two at once."""
    _kill(attack, 2)


def stop_worker(attack: Attack) -> None:
    """SIGSTOP for longer or shorter than a session, then SIGCONT: a zombie that goes on where it stood."""
    for victim in _victims(attack):
        _stop(attack, victim)


def stop_worker_and_start_another(attack: Attack) -> None:
    """The same, while a successor takes over; the zombie is asked to end some time after it woke."""
    for victim in _victims(attack):
        attack.world.fleet.start(victim.roles)
        _stop(attack, victim)
        attack.wait(attack.chance.uniform(0.0, 8.0))
        if victim.is_alive:
            attack.world.fleet.terminate(victim)


def terminate_worker(attack: Attack) -> None:
    """SIGTERM, with the successor before or after: a rolling restart."""
    for victim in _victims(attack):
        is_successor_first = attack.chance.random() < 0.5
        if is_successor_first:
            successor = attack.world.fleet.start(victim.roles)
            attack.world.fleet.await_ready(successor, timeout_seconds=TIMEOUT_SECONDS / 6)
        attack.tell(worker=victim.name, is_successor_first=is_successor_first)
        if victim.is_alive:
            attack.world.fleet.terminate(victim)
        if not is_successor_first:
            attack.world.fleet.start(victim.roles)


def run_older_worker(attack: Attack) -> None:
    """A worker of the release before works next to the present ones, and goes by SIGTERM or SIGKILL."""
    if attack.older is None:
        return attack.skip("the older release is not in this clone")
    roles = [victim.roles for victim in _victims(attack)]
    if roles:
        with attack.world.older_meanwhile():
            _work_meanwhile(attack, attack.world.fleet.start(roles[0], attack.older))
    return None


def _work_meanwhile(attack: Attack, older: Worker) -> None:
    attack.world.fleet.await_ready(older, timeout_seconds=TIMEOUT_SECONDS / 6)
    if not older.is_alive:
        attack.skip(f"the older worker ended at its start: {older.last_words()}")
        return
    attack.tell(worker=older.name)
    attack.wait(attack.chance.uniform(10.0, attack.longest_stop_seconds))
    end = attack.chance.choice((attack.world.fleet.terminate, attack.world.fleet.kill))
    if older.is_alive:
        end(older)
    return


def jump_clock(attack: Attack) -> None:
    """One worker's wall clock is off for a while, and is set right again."""
    for victim in _victims(attack):
        shift_seconds = attack.chance.choice(_CLOCK_JUMPS_SECONDS)
        attack.tell(worker=victim.name, shift_seconds=shift_seconds)
        victim.clock.jump(shift_seconds)
        attack.wait(attack.chance.uniform(_SHORTEST_STOP_SECONDS, attack.longest_stop_seconds))
        victim.clock.jump(0.0)


def _victims(attack: Attack, number: int = 1) -> list[Worker]:
    found = attack.world.victims(attack.chance, number)
    if not found:
        attack.skip("no worker was ready")
    return found


def _kill(attack: Attack, number: int) -> None:
    victims = _victims(attack, number)
    for victim in victims:
        attack.world.fleet.kill(victim)
    if victims:
        attack.tell(workers=[victim.name for victim in victims])
    attack.wait(attack.chance.uniform(0.0, 4.0))
    for victim in victims:
        attack.world.fleet.start(victim.roles)


def _stop(attack: Attack, victim: Worker) -> None:
    seconds = attack.chance.uniform(_SHORTEST_STOP_SECONDS, attack.longest_stop_seconds)
    victim.pause()
    attack.tell(worker=victim.name, seconds=round(seconds, 1))
    attack.wait(seconds)
    victim.resume()
