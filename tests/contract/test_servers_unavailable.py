"""A model server that comes late, dies and returns, or returns with something else: over each protocol.

The worker's part of it, with readiness and waiting videos, is in `tests/integration/test_model_servers.py`.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from models.card import Card
from models.model_output import ScoreOutput
from operators.errors import DeviceFault, ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.loaded_model import ServerModel
from operators.inference.placement import ServerPlace
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import ModelOutput, RequestContext
from ops.local.ports import ReservedPort
from tests.support.chat_standin import ChatStandin, pictures_of
from tests.support.kserve_grpc_standin import KserveGrpcStandin
from tests.support.kserve_standin import KserveStandin, Served
from tests.support.kserve_world import CARD, Means, Watch, item, means, served

CHAT_CARD = replace(
    CARD,
    name="lightness",
    outputs=("scores",),
    devices=("openai",),
    tolerances=(),
    scores=ScoreOutput(index=0, classes=("light",)),
)


def judged(body: dict[str, Any]) -> str:
    (picture,) = pictures_of(body)
    return json.dumps({"scores": {"light": float(picture.mean()) / 255}})


@dataclass(frozen=True)
class Protocol:
    """One way to reach a server."""

    backend: str
    scheme: str
    card: Card
    start: Callable[[int, Served], Any]
    """A stand-in at a port; those of chats do not know what is served."""
    answer: Callable[[int], float]
    """To `item(level)`."""


PROTOCOLS = {
    "kserve over HTTP": Protocol(
        "kserve", "http", CARD, lambda port, model: KserveStandin({CARD.name: model}, port=port), float
    ),
    "kserve over gRPC": Protocol(
        "kserve", "grpc", CARD, lambda port, model: KserveGrpcStandin({CARD.name: model}, port=port), float
    ),
    "openai": Protocol(
        "openai", "http", CHAT_CARD, lambda port, _model: ChatStandin(judged, port=port), lambda level: level / 255
    ),
}
KSERVE = {name: each for name, each in PROTOCOLS.items() if each.backend == "kserve"}


@dataclass
class UnavailableServer:
    """A worker's models, and a server that the test starts and ends at one address."""

    protocol: Protocol
    port: int
    watch: Watch = field(default_factory=Watch)
    inference: Inference = field(init=False)
    server: Any = None

    @property
    def origin(self) -> str:
        return f"{self.protocol.scheme}://127.0.0.1:{self.port}"

    async def open(self, *more: Card) -> None:
        options = ServerOptions(
            parse_endpoint(self.origin, ["http", "grpc"]), ["127.0.0.1"], max_requests=2, timeout_seconds=20.0,
            connect_seconds=2.0, watch=self.watch,
        )  # fmt: skip
        cards = (self.protocol.card, *more)
        place = ServerPlace(
            self.protocol.backend,
            frozenset(card.name for card in cards),
            lambda: open_backend(self.protocol.backend, BackendConfig(server=options)),
            self.origin,
            lambda: self.watch.is_open,
        )
        self.inference = await Inference.open(
            cards, lambda _card: Means(), open_backend("cpu", BackendConfig()), servers=[place]
        )

    def start(self, model: Served | None = None) -> None:
        self.server = self.protocol.start(self.port, model or served())
        self.server.__enter__()

    def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    async def ask(self, level: int) -> ModelOutput:
        batcher = self.inference.batcher(self.protocol.card.name)
        return await batcher.submit(item(level), RequestContext("v", "live", math.inf))

    async def reach(self, **how: bool) -> None:
        """Until the channel of gRPC, which waits between its own attempts, has tried again."""
        for _ in range(100):
            try:
                await self.inference.reach([self.protocol.card.name], **how)
            except ServerUnavailable:
                await asyncio.sleep(0.1)
            else:
                return
        await self.inference.reach([self.protocol.card.name], **how)

    @property
    def problems(self) -> str:
        return "\n".join(self.inference.server_problems())


@asynccontextmanager
async def unavailable_server(
    protocol: Protocol, *more: Card, model: Served | None = None, starts: bool = False
) -> AsyncIterator[UnavailableServer]:
    async with AsyncExitStack() as opened:
        reserved = opened.enter_context(ReservedPort())
        here = UnavailableServer(protocol, reserved.number)
        opened.callback(here.stop)
        if starts:
            here.start(model)
        await here.open(*more)
        opened.push_async_callback(here.inference.close)
        yield here


@pytest.mark.parametrize("name", PROTOCOLS)
class TestAnyServer:
    async def test_one_that_comes_later(self, name: str) -> None:
        """The start does not end; the model, its server and the reason are named, and a call says that the server is
        away. Once it is there the model is opened, and answers."""
        async with unavailable_server(PROTOCOLS[name]) as here:
            assert f"model {here.protocol.card.name} on {here.origin}: " in here.problems
            with pytest.raises(ServerUnavailable) as unavailable:
                await here.ask(1)
            assert unavailable.value.origin == here.origin
            with pytest.raises(ServerUnavailable):
                await here.inference.reach([here.protocol.card.name])
            here.start()
            await here.reach()
            assert here.problems == ""
            assert float((await here.ask(3)).values[0].ravel()[0]) == pytest.approx(here.protocol.answer(3))

    async def test_one_that_dies_and_returns(self, name: str) -> None:
        """Items meanwhile wait for the server; a question in between finds it unavailable, and then available."""
        async with unavailable_server(PROTOCOLS[name], starts=True) as here:
            await here.ask(1)
            here.stop()
            with pytest.raises(ServerUnavailable):
                await here.ask(2)
            with pytest.raises(ServerUnavailable):
                await here.inference.reach([here.protocol.card.name], asks_anyway=True)
            assert f"model {here.protocol.card.name} on {here.origin}: " in here.problems
            here.start()
            await here.reach()
            assert here.problems == ""
            assert float((await here.ask(4)).values[0].ravel()[0]) == pytest.approx(here.protocol.answer(4))

    async def test_an_open_breaker_is_named(self, name: str) -> None:
        """Whatever was asked last: a worker does not call itself ready while its server is only probed."""
        async with unavailable_server(PROTOCOLS[name], starts=True) as here:
            here.watch.is_open = True
            assert "does not answer" in here.problems
            with pytest.raises(ServerUnavailable):
                await here.inference.reach([here.protocol.card.name])
            here.watch.is_open = False
            await here.reach()
            assert here.problems == ""

    async def test_nothing_is_asked_for_nothing(self, name: str) -> None:
        """A server that is known to answer is not asked whether it does."""
        async with unavailable_server(PROTOCOLS[name], starts=True) as here:
            here.watch.requests.clear()
            await here.inference.reach([here.protocol.card.name])
            await here.inference.open_waiting([here.protocol.card.name])
            assert here.watch.requests == []

    async def test_a_caller_that_gives_up(self, name: str) -> None:
        """An attempt that others may wait for goes on without it."""
        async with unavailable_server(PROTOCOLS[name]) as here:
            here.start()
            asked = asyncio.ensure_future(here.inference.reach([here.protocol.card.name]))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await here.reach()
            assert here.problems == ""

    async def test_the_end_does_not_wait_for_it(self, name: str) -> None:
        """A process ends while a server is unavailable."""
        async with unavailable_server(PROTOCOLS[name]) as here:
            asked = asyncio.ensure_future(here.inference.reach([here.protocol.card.name]))
            await asyncio.sleep(0)
            await here.inference.close()
            with pytest.raises((ServerUnavailable, asyncio.CancelledError)):
                await asked


@pytest.mark.parametrize("name", KSERVE)
class TestVersions:
    async def test_are_part_of_how_a_model_computes(self, name: str) -> None:
        """Unknown before the server has answered; then the name there and the version that computed."""
        async with unavailable_server(KSERVE[name]) as here:
            assert here.inference.how(CARD.name) == "kserve-float32"
            here.start(replace(served(), version="3"))
            await here.reach()
            assert here.inference.how(CARD.name) == "kserve-float32/means:3"

    async def test_a_server_that_states_none(self, name: str) -> None:
        """The name alone."""
        async with unavailable_server(KSERVE[name], model=replace(served(), version=None), starts=True) as here:
            assert here.inference.how(CARD.name) == "kserve-float32/means"

    async def test_a_new_one_is_compared_first(self, name: str) -> None:
        """The answer of a version that was not compared is no result; the next call compares it, and is answered."""
        async with unavailable_server(KSERVE[name], starts=True) as here:
            here.server.models[CARD.name] = replace(served(), version="2")
            with pytest.raises(ServerUnavailable, match=r"has means:2 in place of means:1"):
                await here.ask(5)
            assert here.inference.how(CARD.name) == "kserve-float32/means:1"
            assert "in place of means:1" in here.problems
            assert float((await here.ask(5)).values[0]) == 5.0
            assert here.inference.how(CARD.name) == "kserve-float32/means:2"
            assert here.problems == ""

    async def test_another_model_under_the_name(self, name: str) -> None:
        """Found by a question in between also where it states no version; nothing that it answers is used, the reason
        is named, and the right one is taken again."""
        wrong = replace(served(), compute=lambda batch: [value * 1.5 for value in means(batch)])
        async with unavailable_server(KSERVE[name], starts=True) as here:
            here.server.models[CARD.name] = wrong
            with pytest.raises(ServerUnavailable, match="differ from the module's"):
                await here.inference.reach([CARD.name], asks_anyway=True)
            assert "differ from the module's" in here.problems
            with pytest.raises(ServerUnavailable, match="differ from the module's"):
                await here.ask(5)
            here.server.models[CARD.name] = served()
            await here.reach()
            assert here.problems == ""
            assert float((await here.ask(5)).values[0]) == 5.0

    async def test_a_late_server_with_another_model(self, name: str) -> None:
        """A start would end by it; a worker that runs already goes on, and says why it cannot use the model."""
        async with unavailable_server(KSERVE[name]) as here:
            wrong = replace(served(), compute=lambda batch: [value + 1 for value in means(batch)])
            here.start(wrong)
            for _ in range(100):
                with pytest.raises(ServerUnavailable):
                    await here.inference.reach([CARD.name])
                if "differ" in here.problems:
                    break
                await asyncio.sleep(0.1)
            assert "differ from the module's" in here.problems
        with pytest.raises(DeviceFault, match="differ from the module's"):
            async with unavailable_server(KSERVE[name], model=wrong, starts=True):
                pass

    async def test_a_smaller_batch_than_before(self, name: str) -> None:
        """The batcher has built its queue on the sizes of the start: such a server cannot be used."""
        async with unavailable_server(KSERVE[name], starts=True) as here:
            here.server.models[CARD.name] = replace(served(), version="2", max_batch_size=1)
            with pytest.raises(ServerUnavailable):
                await here.ask(1)
            with pytest.raises(ServerUnavailable, match="takes 1 rows at most"):
                await here.ask(1)

    async def test_one_model_of_two(self, name: str) -> None:
        """A server without one of its models counts as available: only that model waits."""
        other = replace(CARD, name="others")
        async with unavailable_server(KSERVE[name], other, starts=True) as here:
            assert "model others on" in here.problems
            assert "model means on" not in here.problems
            assert float((await here.ask(6)).values[0]) == 6.0
            assert not any(request.is_unavailable for request in here.watch.requests)
            here.server.models["others"] = served()
            await here.inference.reach(["others"])
            assert here.problems == ""

    async def test_a_model_that_is_unloaded(self, name: str) -> None:
        """Its items wait without a request, until the server has it again."""
        async with unavailable_server(KSERVE[name], starts=True) as here:
            model = here.server.models.pop(CARD.name)
            with pytest.raises(ServerUnavailable):
                await here.ask(1)
            assert "unknown model" in here.problems
            here.server.models[CARD.name] = model
            assert float((await here.ask(2)).values[0]) == 2.0


class TestChats:
    async def test_a_question_in_between_costs_no_tokens(self) -> None:
        """One question at the opening, none afterwards."""
        async with unavailable_server(PROTOCOLS["openai"], starts=True) as here:
            await here.reach(asks_anyway=True)
            await here.reach(asks_anyway=True)
            assert len(here.server.bodies) == 1
            assert here.inference.how(CHAT_CARD.name) == "openai-float32/lightness"

    def test_is_known_by_its_name_there(self) -> None:
        """Without a question: nothing else tells two models behind one card apart."""
        endpoint = parse_endpoint("http://127.0.0.1:1", ["http"])
        options = ServerOptions(endpoint, ["127.0.0.1"], models={CHAT_CARD.name: "gpt-b"})
        model = open_backend("openai", BackendConfig(server=options)).load(CHAT_CARD, Means)
        assert isinstance(model, ServerModel)
        assert model.served_as == "gpt-b"
        model.close()

    @pytest.mark.parametrize("status", [400, 404])
    async def test_a_server_without_a_list_of_models(self, status: int) -> None:
        """It answers, which is all that is asked."""
        async with unavailable_server(PROTOCOLS["openai"], starts=True) as here:
            here.server.models_status = status
            await here.inference.reach([CHAT_CARD.name], asks_anyway=True)
            assert here.problems == ""

    async def test_one_that_rejects_the_token(self) -> None:
        """Credentials may be renewed: it is waited for."""
        async with unavailable_server(PROTOCOLS["openai"], starts=True) as here:
            here.server.models_status = 401
            with pytest.raises(ServerUnavailable, match="answered 401"):
                await here.inference.reach([CHAT_CARD.name], asks_anyway=True)
            assert "answered 401" in here.problems
