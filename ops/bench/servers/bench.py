"""`bench servers`: our clients on real model servers that run on this machine's processor."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Final

from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.servers.chat_run import TOGETHER, Chats, chat_client, chats, is_llama_ready, llama_server
from ops.bench.servers.kserve_run import (
    IN_FLIGHT,
    Throughput,
    is_triton_ready,
    our_throughput,
    reference_throughput,
    survive,
    triton_server,
)
from ops.bench.servers.real_servers import RealServer, ServerEnvironment, running

DELAY_SECONDS: Final = 0.01
"""Of a batch on the server: it idles meanwhile, so that clients and server do not compete for the cores."""
ROUNDS: Final = 3
NUM_KILLS: Final = 3
SERVER_THREADS: Final = 2
CHAT_TOKENS: Final = 96


def bench_servers(options: BenchOptions) -> BenchReport:
    """Measure; some five minutes, or two with `is_quick`.

    Raises:
        ValueError: `--competitors` does not name an environment.
    """
    if options.competitors is None:
        raise ValueError("bench servers needs --competitors FOLDER, an environment that make test-remote makes")
    environment = ServerEnvironment(options.competitors.absolute())
    figures = (*_kserve(environment, options), *_chat(environment, options))
    remarks = (
        f"one Triton server through PyTriton, {1000 * DELAY_SECONDS:g} ms a batch of at most 16, items of 150,528 "
        f"bytes, {IN_FLIGHT} in flight; clients and server share the cores",
        "CPU time of our client is that of the whole process: batcher, threads and network; that of the reference "
        "client is of its own process; rounds alternate",
        "SmolLM2-135M, 4 bits, on llama.cpp; each chat has one question, and temperature 0.7",
    )
    return BenchReport("servers", describe_machine(), figures, remarks=remarks)


def _kserve(environment: ServerEnvironment, options: BenchOptions) -> tuple[Figure, ...]:
    seconds, num_items = (3.0, 1_000) if options.is_quick else (8.0, 10_000)
    server = triton_server(environment, DELAY_SECONDS)
    with running(server, lambda: is_triton_ready(server)):
        figures: list[Figure] = []
        for name, url in (("gRPC", server.url("grpc")), ("HTTP", server.url("http", 1))):
            figures += _compared(name, url, environment, server, seconds, options)
        survival = asyncio.run(survive(server, server.url("grpc"), num_items, NUM_KILLS))
    options.say(str(survival))
    none = Bound("at most", 0.0)
    return (
        *figures,
        Figure(f"of {num_items:,} items with {NUM_KILLS} kills: lost", survival.lost, "items", none),
        Figure("doubled", survival.doubled, "items", none),
        Figure("with the answer of another item", survival.wrong, "items", none),
        Figure("calls repeated", survival.repeated, "calls"),
    )


def _compared(
    name: str, url: str, environment: ServerEnvironment, server: RealServer, seconds: float, options: BenchOptions
) -> tuple[Figure, ...]:
    """Measure the two clients in turns."""
    theirs: list[Throughput] = []
    ours: list[Throughput] = []
    for _ in range(ROUNDS):
        theirs.append(reference_throughput(environment, server, seconds))
        ours.append(asyncio.run(our_throughput(url, seconds)))
        options.say(
            f"{name}: reference {theirs[-1].per_second:.0f} items/s, {theirs[-1].cpu_milliseconds:.3f} CPU ms an item;"
            f" ours {ours[-1].per_second:.0f} items/s, {ours[-1].cpu_milliseconds:.3f} CPU ms an item"
        )
    ratios = [our.per_second / their.per_second for our, their in zip(ours, theirs, strict=True)]
    added = [our.cpu_milliseconds - their.cpu_milliseconds for our, their in zip(ours, theirs, strict=True)]
    return (
        summarise(f"{name}: throughput over the reference client's", ratios, "", Bound("at least", 0.9)),
        summarise(f"{name}: throughput", [our.per_second for our in ours], "items/s"),
        summarise(f"{name}: client CPU", [our.cpu_milliseconds for our in ours], "ms an item"),
        summarise(f"{name}: the same over the reference client's", added, "ms an item", Bound("at most", 0.3)),
    )


def _chat(environment: ServerEnvironment, options: BenchOptions) -> tuple[Figure, ...]:
    server = llama_server(environment, SERVER_THREADS)
    with running(server, lambda: is_llama_ready(server)):
        found = asyncio.run(_chats(server, 1 if options.is_quick else ROUNDS))
    alone, together = (median(each.tokens_per_second for each in runs) for runs in zip(*found, strict=True))
    options.say(f"chats: {alone:.1f} tokens/s of one, {together:.1f} of {TOGETHER}")
    ratios = [four.tokens_per_second / one.tokens_per_second for one, four in found]
    of_cpu = [four.tokens_per_cpu_second / one.tokens_per_cpu_second for one, four in found]
    return (
        Figure("one chat", alone, "tokens/s"),
        Figure(f"{TOGETHER} chats", together, "tokens/s"),
        summarise(f"{TOGETHER} chats over one", ratios, "", Bound("at least", 1.3)),
        summarise("the same by CPU time of the server", of_cpu, ""),
    )


async def _chats(server: RealServer, rounds: int) -> list[tuple[Chats, Chats]]:
    async with chat_client(server) as client:
        await chats(server, client, TOGETHER, CHAT_TOKENS // 8)  # the server keeps what it has read of each question
        return [
            (await chats(server, client, 1, CHAT_TOKENS), await chats(server, client, TOGETHER, CHAT_TOKENS))
            for _ in range(rounds)
        ]
