"""Faults of the network between workers and servers."""

from __future__ import annotations

from tests.chaos.faults.attack import Attack
from tests.chaos.world.proxy import GOOD, Network


def slow_network(attack: Attack) -> None:
    """Every chunk takes long, and connections are narrow."""
    delay_seconds = attack.chance.choice((0.02, 0.1, 0.3))
    _make(attack, Network(delay_seconds=delay_seconds, bytes_per_second=attack.chance.choice((20_000, 200_000))))


def silent_network(attack: Attack) -> None:
    """Nothing arrives, and no connection ends."""
    _make(attack, Network(is_silent=True))


def cut_connections(attack: Attack) -> None:
    """Every connection ends, a few times in a row."""
    with attack.world.network_lock:
        attack.tell()
        for _ in range(attack.chance.randint(1, 4)):
            for proxy in attack.world.proxies():
                proxy.cut()
            attack.wait(attack.chance.uniform(0.2, 3.0))


def _make(attack: Attack, network: Network) -> None:
    with attack.world.network_lock:
        attack.world.make_network(network)
        attack.tell(network=network)
        attack.wait(attack.chance.uniform(5.0, attack.longest_stop_seconds))
        attack.world.make_network(GOOD)
