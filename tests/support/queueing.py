"""Known formulas of queueing, which the simulation is held against."""

from __future__ import annotations

import math


def erlang_c(servers: int, offered: float) -> float:
    """Probability that a customer of M/M/c waits (Erlang 1917), `offered` being arrival rate times mean service.

    Raises:
        ValueError: the queue would grow without end.
    """
    _require_stable(offered / servers)
    blocked = 1.0
    for number in range(1, servers + 1):  # Erlang B by its recurrence, which does not overflow
        blocked = offered * blocked / (number + offered * blocked)
    utilisation = offered / servers
    return blocked / (1 - utilisation * (1 - blocked))


def mean_wait_seconds(servers: int, arrival_hz: float, service_seconds: float) -> float:
    """Mean wait of M/M/c before its service. Raises ValueError as `erlang_c`."""
    offered = arrival_hz * service_seconds
    return erlang_c(servers, offered) * service_seconds / (servers - offered)


def wait_quantile_seconds(share: float, servers: int, arrival_hz: float, service_seconds: float) -> float:
    """The wait that `share` of the customers of M/M/c do not exceed. Raises ValueError as `erlang_c`."""
    offered = arrival_hz * service_seconds
    waiting = erlang_c(servers, offered)
    return max(0.0, math.log(waiting / (1 - share)) * service_seconds / (servers - offered))


def pollaczek_khinchine_seconds(arrival_hz: float, service_seconds: float, squared_variation: float) -> float:
    """Mean wait of M/G/1 (Pollaczek 1930, Khinchine 1932); `squared_variation` is variance over squared mean."""
    utilisation = arrival_hz * service_seconds
    _require_stable(utilisation)
    return utilisation * service_seconds * (1 + squared_variation) / (2 * (1 - utilisation))


def shared_seconds(arrival_hz: float, service_seconds: float) -> float:
    """Mean time in M/G/1 with processor sharing: it depends on the mean of the service alone."""
    utilisation = arrival_hz * service_seconds
    _require_stable(utilisation)
    return service_seconds / (1 - utilisation)


def _require_stable(utilisation: float) -> None:
    if not 0 <= utilisation < 1:
        raise ValueError(f"utilisation is {utilisation:g}; at 1 and above the queue grows without end")
