"""Asks model servers also while no video needs them, so that readiness is true, and waiting videos return soon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from operators.errors import Overloaded, ServerUnavailable
from streams.delivery.breaker import BETWEEN_TRIES, Breakers
from streams.lifecycle.clock import Clock

ASK_EVERY_SECONDS: Final = 30.0
"""Between two questions to a server that answers: one item of one model, or a list of models, which costs it little."""


class ReachesModels(Protocol):
    """The part of `Inference` that is needed."""

    def models_by_server(self) -> dict[str, list[str]]:
        """See `Inference.models_by_server`."""

    async def reach(self, models: Sequence[str], *, asks_anyway: bool = False) -> None:
        """See `Inference.reach`."""

    def server_problems(self) -> tuple[str, ...]:
        """See `Inference.server_problems`."""


async def keep_reaching(inference: ReachesModels, breakers: Breakers, clock: Clock) -> None:
    """Ask every server of models until cancelled, one after the other's own schedule; ends at once without a server."""
    servers = inference.models_by_server().items()
    await asyncio.gather(*(_keep_reaching(inference, origin, models, breakers, clock) for origin, models in servers))


async def _keep_reaching(
    inference: ReachesModels, origin: str, models: Sequence[str], breakers: Breakers, clock: Clock
) -> None:
    is_answering, delays = not inference.server_problems(), BETWEEN_TRIES.delays()
    while True:
        if not breakers.is_open(origin):
            await clock.sleep(ASK_EVERY_SECONDS if is_answering else next(delays))
        await breakers.turn(origin)
        is_answering = all([await _is_reached(inference, model) for model in models])
        if is_answering:
            delays = BETWEEN_TRIES.delays()


async def _is_reached(inference: ReachesModels, model: str) -> bool:
    try:
        await inference.reach([model], asks_anyway=True)
    except (ServerUnavailable, Overloaded):
        return False
    return True
