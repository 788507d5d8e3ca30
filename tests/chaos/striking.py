"""Carries a schedule out: each fault in a thread of its own, at its time, whatever the others do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from tests.chaos.faults.attack import Attack
from tests.chaos.faults.registry import FAULTS
from tests.chaos.schedule import Strike
from tests.chaos.world.world import TIMEOUT_SECONDS, World


def strike_all(world: World, strikes: Sequence[Strike], attack_of: Callable[[Strike, random.Random], Attack]) -> None:
    """Return when every fault has struck and is undone."""
    began, threads = time.monotonic(), []
    for strike in strikes:
        world.is_closing.wait(max(0.0, began + strike.at_seconds - time.monotonic()))
        attack = attack_of(strike, random.Random(strike.seed))
        thread = threading.Thread(target=_strike, args=(attack,), name=f"chaos-{strike.kind}", daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)


def _strike(attack: Attack) -> None:
    try:
        FAULTS[attack.kind](attack)
    except Exception as error:  # one fault that cannot be done must not end the others; the report names it
        attack.world.timeline.add("fault-broke-off", kind=attack.kind, why=repr(error)[:300])
