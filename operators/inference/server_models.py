"""The models of a process that are on servers: opened when their server answers, and asked again after it did not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.card import Card
from operators.errors import DeviceFault, Overloaded, ServerUnavailable
from operators.inference.remote.faults import ModelMissing, NotAsked, NotReady

if TYPE_CHECKING:
    from operators.inference.device_place import DevicePlace
    from operators.inference.placement import Places, ServerPlace
    from operators.inference.runner import Runner

OnOpened = Callable[[Card, "DevicePlace", "list[Runner]"], None]

_OPENING: Final = "was not asked yet"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Model:
    card: Card
    server: ServerPlace
    place: DevicePlace | None = None
    runners: list[Runner] = field(default_factory=list)
    """One for each thread; none before the server has answered."""
    problem: str = _OPENING
    """Why it could not be used when it was last tried; empty if it could."""
    attempt: asyncio.Task[None] | None = None
    """The latest one, which all callers share."""


class ServerModels:
    """Which models of servers may be used. None of them ends a start because its server is unavailable.

    Args:
        places: of the process.
        on_opened: called once for each model, when it is open.
    """

    def __init__(self, places: Places, on_opened: OnOpened) -> None:
        self._places = places
        self._on_opened = on_opened
        self._models: dict[str, _Model] = {}
        self._unavailable: dict[str, Exception] = {}
        """Why a server could not be asked at the start, by name of its backend."""

    async def open(self, card: Card, server: ServerPlace) -> None:
        """Open a model at a start, or let it wait.

        Raises:
            DeviceFault: the server has another model, or cannot have this one.
        """
        model = self._models[card.name] = _Model(card, server)
        if (unavailable := self._unavailable.get(server.name)) is not None:
            self._note(model, unavailable)
            return
        try:
            await self._open(model)
        except ModelMissing as error:
            self._note(model, error)
        except (ServerUnavailable, Overloaded) as error:
            # A host that drops packets takes the whole time limit to be away: once for each server is enough.
            self._unavailable[server.name] = error
            self._note(model, error)

    async def reach(self, name: str, *, asks_anyway: bool = False) -> None:
        """Return if a model may be used; open it, or ask its server, if it could not be used before.

        Args:
            name: of any model; one of this machine may always be used.
            asks_anyway: ask the server although nothing is known against it.

        Raises:
            ServerUnavailable, Overloaded: it may not be used now; also while the server has another model.
        """
        model = self._models.get(name)
        if model is None or not (asks_anyway or _problem_of(model)):
            return
        if model.attempt is None or model.attempt.done():
            model.attempt = asyncio.ensure_future(self._try(model))
            model.attempt.add_done_callback(_read)
        # A caller that is cancelled leaves the attempt to the others: a model that is half open would be lost.
        await asyncio.shield(model.attempt)

    async def open_waiting(self, name: str) -> None:
        """As `reach`, for a model whose server has never answered; does nothing about others."""
        if name in self._models and not self._models[name].runners:
            await self.reach(name)

    def names_by_origin(self) -> dict[str, list[str]]:
        """Return the models of each server, by its origin."""
        found: dict[str, list[str]] = {}
        for name, model in self._models.items():
            found.setdefault(model.server.origin, []).append(name)
        return found

    async def _try(self, model: _Model) -> None:
        try:
            if model.place is None:
                await self._open(model)
            else:
                await self._recheck(model.place, model.runners[0])
                self._note(model, None)
        except (ServerUnavailable, Overloaded) as error:
            self._note(model, error)
            raise
        except DeviceFault as error:
            self._note(model, error)
            raise ServerUnavailable(model.server.origin, str(error)) from error

    async def _recheck(self, place: DevicePlace, runner: Runner) -> None:
        try:
            await asyncio.wrap_future(place.thread.call(runner.recheck))
        except NotReady:
            raise
        except Overloaded:
            return  # it is there, and busy

    async def close(self) -> None:
        """Try nothing any more."""
        attempts = [each.attempt for each in self._models.values() if each.attempt is not None]
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    async def _open(self, model: _Model) -> None:
        model.place, model.runners = await self._places.open(model.card)
        self._on_opened(model.card, model.place, model.runners)
        self._note(model, None)

    def require_open(self, name: str) -> None:
        """Raise ServerUnavailable for a model whose server has not answered yet."""
        model = self._models.get(name)
        if model is not None and not model.runners:
            raise ServerUnavailable(model.server.origin, model.problem)

    def mode_of(self, name: str) -> str:
        """Return how a model that waits will compute; empty for others."""
        model = self._models.get(name)
        return f"{model.server.name}-float32" if model is not None and not model.runners else ""

    def problems(self) -> tuple[str, ...]:
        """Return a line for each model that cannot be used now, with its server."""
        found = ((each, _problem_of(each)) for each in self._models.values())
        return tuple(f"model {each.card.name} on {each.server.origin}: {problem}" for each, problem in found if problem)

    def _note(self, model: _Model, error: Exception | None) -> None:
        before, model.problem = model.problem, _told(error, model.problem)
        if model.problem and before in ("", _OPENING):
            logger.warning("model %s waits for its server %s: %s", model.card.name, model.server.origin, model.problem)
        elif before not in ("", _OPENING) and not model.problem:
            logger.info("model %s is served by %s again", model.card.name, model.server.origin)


def _problem_of(model: _Model) -> str:
    if model.problem or not model.runners:
        return model.problem
    return model.runners[0].doubt or ("does not answer" if model.server.is_unavailable() else "")


def _told(error: Exception | None, before: str) -> str:
    if error is None:
        return ""
    if isinstance(error, NotAsked) and before not in ("", _OPENING):
        return before  # nothing new was learnt
    return error.message if isinstance(error, ServerUnavailable) else str(error)


def _read(attempt: asyncio.Task[None]) -> None:
    """Take note of an error that no caller waits for any more."""
    if not attempt.cancelled():
        attempt.exception()
