"""`bench servers`: our clients on real model servers that run on this machine's processor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Final

from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.servers.chat_run import TOGETHER, Chats, chat_client, chats, is_llama_ready, llama_server, until_full
from ops.bench.servers.chat_turns import ChatTurns, alternate, ratios
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
SERVER_THREADS: Final = {1: "one thread", 2: "two threads"}
"""Two threads wait for each other some hundred times a token, and spin meanwhile: on a machine with other work they
write 2 to 100 tokens a second, so that their ratio is one of that work, too. That of one thread is steady."""
CHAT_TOKENS: Final = 64
"""Of each answer; a turn with a shorter one is held again."""
CHAT_TURNS: Final = 5
LEAST_TOGETHER: Final = 3.0
"""Tokens of a run of the model; of four chats, which begin and end at slightly different times."""


def bench_servers(options: BenchOptions) -> BenchReport:
    """Measure; some six minutes, or three with `is_quick`.

    Raises:
        ValueError: `--competitors` does not name an environment.
    """
    if options.competitors is None:
        raise ValueError("bench servers needs --competitors FOLDER, an environment that make test-remote makes")
    environment = ServerEnvironment(options.competitors.absolute())
    chats = (figure for num_threads in SERVER_THREADS for figure in _chat(environment, num_threads, options))
    figures = (*_kserve(environment, options), *chats)
    remarks = (
        f"one Triton server through PyTriton, {1000 * DELAY_SECONDS:g} ms a batch of at most 16, items of 150,528 "
        f"bytes, {IN_FLIGHT} in flight; clients and server share the cores",
        "CPU time of our client is that of the whole process: batcher, threads and network; that of the reference "
        "client is of its own process; rounds alternate",
        "SmolLM2-135M, 4 bits, on llama.cpp; each chat has one question, temperature 0.7, an answer of "
        f"{CHAT_TOKENS} tokens; a turn of several is compared with those of one around it; the first are dropped",
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


def _chat(environment: ServerEnvironment, num_threads: int, options: BenchOptions) -> tuple[Figure, ...]:
    server = llama_server(environment, num_threads)
    with running(server, lambda: is_llama_ready(server)):
        turns = asyncio.run(_chat_turns(server, 2 if options.is_quick else CHAT_TURNS))
    alone, together = (median(_rates(chats)) for chats in (turns.alone, turns.together))
    where, decodes = SERVER_THREADS[num_threads], [turn.tokens_per_decode for turn in turns.together]
    bound = Bound("at least", 1.3) if num_threads == max(SERVER_THREADS) else None
    options.say(f"{where}: {alone:.1f} tokens/s of one chat, {together:.1f} of {TOGETHER}")
    return (
        Figure(f"{where}: one chat", alone, "tokens/s"),
        Figure(f"{where}: {TOGETHER} chats", together, "tokens/s"),
        summarise(f"{where}: tokens of a run of the model", decodes, "", Bound("at least", LEAST_TOGETHER)),
        summarise(f"{where}: {TOGETHER} chats over one", _over_one(turns, _rates), "", bound),
        summarise(f"{where}: the same by CPU time of the server", _over_one(turns, _cpu_rates), ""),
    )


async def _chat_turns(server: RealServer, num_turns: int) -> ChatTurns:
    async with chat_client(server) as client:
        return await alternate(partial(until_full, partial(chats, server, client, CHAT_TOKENS)), num_turns)


def _rates(turns: Sequence[Chats]) -> list[float]:
    return [turn.tokens_per_second for turn in turns]


def _cpu_rates(turns: Sequence[Chats]) -> list[float]:
    return [turn.tokens_per_cpu_second for turn in turns]


def _over_one(turns: ChatTurns, rates: Callable[[Sequence[Chats]], list[float]]) -> list[float]:
    return ratios(rates(turns.alone), rates(turns.together))
