"""Our client on a real Triton server: throughput and CPU time, and what is left of 10,000 items when it is killed."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from operators.errors import Overloaded, ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import RequestContext
from ops.bench.servers.means_model import CARD, Means, item_of, number_of
from ops.bench.servers.real_servers import RealServer, ServerEnvironment, answers_ok
from ops.local.ports import LOOPBACK

IN_FLIGHT: Final = 16
_WARM_UP_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.1
TIMEOUT_SECONDS: Final = 20.0


def triton_server(environment: ServerEnvironment, delay_seconds: float) -> RealServer:
    """Return a server that takes that long for a batch; its ports are gRPC, HTTP and metrics."""
    return RealServer(environment, "pytriton_server.py", 3, str(delay_seconds))


def is_triton_ready(server: RealServer) -> bool:
    """Return whether it answers for the model."""
    return answers_ok(f"{server.url('http', 1)}/v2/models/{CARD.name}/ready")


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one client reached."""

    items: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Items a second."""
        return self.items / self.seconds

    @property
    def cpu_milliseconds(self) -> float:
        """CPU time of the client for one item."""
        return 1000 * self.cpu_seconds / self.items


def reference_throughput(environment: ServerEnvironment, server: RealServer, seconds: float) -> Throughput:
    """Measure Triton's own client over gRPC."""
    address = server.url("grpc").removeprefix("grpc://")
    return Throughput(**json.loads(environment.run("reference_client.py", address, str(IN_FLIGHT), str(seconds))))


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Inference]:
    """Open the model on a server, as a worker does."""
    endpoint = parse_endpoint(url, ("http", "grpc"))
    options = ServerOptions(endpoint, [LOOPBACK], max_requests=IN_FLIGHT, timeout_seconds=TIMEOUT_SECONDS)
    backend = open_backend("kserve", BackendConfig(server=options))
    inference = await Inference.open([CARD], lambda _card: Means(), backend)
    try:
        yield inference
    finally:
        await inference.close()


async def our_throughput(url: str, seconds: float) -> Throughput:
    """Measure our client with as many callers as the reference client has requests; batcher and threads included."""
    async with client_of(url) as inference:
        await _keep_asking(inference, _WARM_UP_SECONDS)
        began, cpu_began = time.monotonic(), time.process_time()
        items = await _keep_asking(inference, seconds)
        return Throughput(items, time.monotonic() - began, time.process_time() - cpu_began)


async def _keep_asking(inference: Inference, seconds: float) -> int:
    batcher, item, until = inference.batcher(CARD.name), item_of(0), time.monotonic() + seconds

    async def ask(caller: int) -> int:
        context, count = RequestContext(f"video-{caller}", "live", math.inf), 0
        while time.monotonic() < until:
            await batcher.submit(item, context)
            count += 1
        return count

    return sum(await asyncio.gather(*map(ask, range(IN_FLIGHT))))


@dataclass(frozen=True, slots=True)
class Survival:
    """What is left of some items whose server was killed in between."""

    items: int
    lost: int
    doubled: int
    wrong: int
    """Items with the answer of another one."""
    kills: int
    repeated: int
    """Calls that were made again because the server was unavailable."""


async def survive(server: RealServer, url: str, num_items: int, num_kills: int) -> Survival:
    """Ask about items with unlike answers, and kill and restart the server at equal distances."""
    answers: Counter[int] = Counter()
    wrong = repeated = 0
    numbers = iter(range(num_items))
    async with client_of(url) as inference:
        batcher = inference.batcher(CARD.name)

        async def ask(caller: int) -> None:
            nonlocal wrong, repeated
            context = RequestContext(f"video-{caller}", "live", math.inf)
            for number in numbers:
                while True:
                    try:
                        answer = await batcher.submit(item_of(number), context)
                    except (ServerUnavailable, Overloaded):
                        repeated += 1
                        await asyncio.sleep(_RETRY_SECONDS)
                        continue
                    answers[number] += 1
                    wrong += number_of(answer.values[1]) != number
                    break

        async def kill() -> None:
            for count in range(1, num_kills + 1):
                while answers.total() < count * num_items // (num_kills + 1):
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(_restart, server)

        await asyncio.gather(kill(), *map(ask, range(2 * IN_FLIGHT)))
    lost = num_items - len(answers)
    return Survival(num_items, lost, answers.total() - len(answers), wrong, num_kills, repeated)


def _restart(server: RealServer) -> None:
    server.kill()
    server.start()
    server.await_ready(lambda: is_triton_ready(server))
