"""Our chat client on a real llama.cpp server: tokens a second of one chat, and of several at the same time."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from operators.inference.loaded_model import NO_TERMS
from operators.inference.remote.chat_client import ChatAnswer, ChatClient, Question
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from ops.bench.servers.real_servers import RealServer, ServerEnvironment, answers_ok, text_of
from ops.local.ports import LOOPBACK

TOGETHER: Final = 4
TIMEOUT_SECONDS: Final = 1_800.0
"""Four chats take minutes on a busy machine. Ratios of turns are of use even then; a benchmark that ends is of none."""
MAX_TRIES: Final = 10
SUBJECTS: Final = ("a harbour at night", "two dogs in the snow", "a busy kitchen", "an old train")


def llama_server(environment: ServerEnvironment, num_threads: int) -> RealServer:
    """Return a server with as many slots as chats are held together."""
    return RealServer(environment, "llama_server.py", 1, str(TOGETHER), str(num_threads))


def is_llama_ready(server: RealServer) -> bool:
    """Return whether its model is loaded."""
    return answers_ok(f"{server.url('http')}/health")


@asynccontextmanager
async def chat_client(server: RealServer) -> AsyncIterator[ChatClient]:
    """Open the client, and close it."""
    endpoint = parse_endpoint(server.url("http"), ("http",))
    client = ChatClient(ServerOptions(endpoint, [LOOPBACK], timeout_seconds=TIMEOUT_SECONDS), "smollm2")
    try:
        yield client
    finally:
        await client.aclose()


@dataclass(frozen=True, slots=True)
class Chats:
    """What some chats came to."""

    tokens: int
    seconds: float
    server_cpu_seconds: float
    num_decodes: int
    """Runs of the model, each of which writes a token for each chat that it serves."""
    answers: tuple[ChatAnswer, ...]

    @property
    def are_full(self) -> bool:
        """Whether every answer has as many tokens as it may have."""
        return all(answer.ended == "length" for answer in self.answers)

    @property
    def tokens_per_second(self) -> float:
        """Tokens that the model wrote."""
        return self.tokens / self.seconds

    @property
    def tokens_per_decode(self) -> float:
        """As many as there are chats if the server serves them together; 1 if one after the other, on any machine."""
        return self.tokens / self.num_decodes

    @property
    def tokens_per_cpu_second(self) -> float:
        """The same for a second of a core of the server; other work on the machine changes it less."""
        return self.tokens / self.server_cpu_seconds


async def chats(server: RealServer, client: ChatClient, max_tokens: int, number: int) -> Chats:
    """Hold chats at the same time; each has an answer of some length."""

    async def ask(subject: str) -> ChatAnswer:
        return await client.ask(
            Question(f"Write a long story about {subject}.", max_tokens=max_tokens, temperature=0.7), NO_TERMS
        )

    decodes_before = await asyncio.to_thread(_num_decodes, server)
    began, cpu_began = time.monotonic(), server.cpu_seconds()
    answers = await asyncio.gather(*map(ask, SUBJECTS[:number]))
    seconds, cpu_seconds = time.monotonic() - began, server.cpu_seconds() - cpu_began
    num_decodes = await asyncio.to_thread(_num_decodes, server) - decodes_before
    written = sum(answer.usage.output_tokens for answer in answers)
    return Chats(written, seconds, cpu_seconds, num_decodes, tuple(answers))


def _num_decodes(server: RealServer) -> int:
    """Return how often the model has run; llama.cpp counts it."""
    (found,) = re.findall(r"^llamacpp:n_decode_total (\S+)$", text_of(f"{server.url('http')}/metrics"), re.MULTILINE)
    return round(float(found))


async def until_full(hold: Callable[[int], Awaitable[Chats]], number: int) -> Chats:
    """Hold chats again until all their answers have the same length: one that ends early leaves its place idle.

    Raises:
        RuntimeError: some answer was short each time.
    """
    for _ in range(MAX_TRIES):
        held = await hold(number)
        if held.are_full:
            return held
    raise RuntimeError(f"an answer ended early in each of {MAX_TRIES} turns of {number} chats")
