"""The KServe backend on a real Triton server, which fails a whole batch for one row."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

import numpy as np
import pytest

from operators.errors import ModelFault, ServerUnavailable
from operators.inference.remote.faults import ModelMissing
from operators.inference.request_context import ModelOutput, RequestContext
from ops.bench.servers.kserve_run import client_of, is_triton_ready, survive, triton_server
from ops.bench.servers.means_model import CARD, NUM_LEVELS, item_of, number_of
from ops.bench.servers.real_servers import RealServer, ServerEnvironment, running

pytestmark = pytest.mark.slow
SCHEMES = (("grpc", 0), ("http", 1))
POISON = np.full(CARD.input_shape, NUM_LEVELS, dtype=np.uint8)


@pytest.fixture(scope="module")
def server(servers: ServerEnvironment) -> Iterator[RealServer]:
    started = triton_server(servers, delay_seconds=0.05)
    with running(started, lambda: is_triton_ready(started)):
        yield started


async def asked(url: str, items: list[np.ndarray]) -> list[ModelOutput | BaseException]:
    async with client_of(url) as inference:
        batcher, context = inference.batcher(CARD.name), RequestContext("v", "live", math.inf)
        return await asyncio.gather(*(batcher.submit(each, context) for each in items), return_exceptions=True)


@pytest.mark.parametrize(("scheme", "port"), SCHEMES)
async def test_answers(server: RealServer, scheme: str, port: int) -> None:
    """Each item gets its own answer, although the server combines requests."""
    answers = await asked(server.url(scheme, port), [item_of(number) for number in range(100)])
    found = [number_of(answer.values[1]) for answer in answers if isinstance(answer, ModelOutput)]
    assert found == list(range(100))


@pytest.mark.parametrize(("scheme", "port"), SCHEMES)
async def test_poison_fails_alone(server: RealServer, scheme: str, port: int) -> None:
    """Its neighbours in the server's batch are answered."""
    items = [item_of(number) for number in range(20)]
    items[7] = POISON
    answers = await asked(server.url(scheme, port), items)
    assert [number for number, answer in enumerate(answers) if not isinstance(answer, ModelOutput)] == [7]
    assert type(answers[7]) is ModelFault


@pytest.mark.parametrize(("scheme", "port"), SCHEMES)
async def test_an_unknown_model_is_named(
    server: RealServer, scheme: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the server's words; a worker waits for it, because the server may be loading it."""
    monkeypatch.setattr("operators.inference.remote.server_options.ServerOptions.name_of", lambda *_: "nobody")
    with pytest.raises(ModelMissing, match="nobody"):
        await asked(server.url(scheme, port), [])


@pytest.mark.parametrize(("scheme", "port"), SCHEMES)
async def test_nothing_is_lost_when_it_is_killed(server: RealServer, scheme: str, port: int) -> None:
    """Killed in the middle and started again: every item has its own answer, once."""
    survival = await survive(server, server.url(scheme, port), num_items=1_000, num_kills=1)
    assert (survival.lost, survival.doubled, survival.wrong) == (0, 0, 0)
    assert survival.repeated > 0


async def test_a_killed_server_is_unavailable(servers: ServerEnvironment) -> None:
    """The error is that of a source that does not answer."""
    started = triton_server(servers, delay_seconds=0.0)
    with running(started, lambda: is_triton_ready(started)):
        async with client_of(started.url("grpc")) as inference:
            started.kill()
            with pytest.raises(ServerUnavailable):
                await inference.batcher(CARD.name).submit(item_of(1), RequestContext("v", "live", math.inf))
