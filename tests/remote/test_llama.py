"""The chat client on a real llama.cpp server with a small model, whose answers are held to a schema."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from operators.errors import ModelFault, Overloaded, ServerUnavailable
from operators.inference.loaded_model import NO_TERMS, RequestTerms
from operators.inference.remote.chat_client import Question, QuestionPicture
from operators.inference.remote.faults import NoAnswerInTime
from ops.bench.servers.chat_run import TOGETHER, chat_client, chats
from ops.bench.servers.real_servers import RealServer

pytestmark = pytest.mark.slow


class Mood(msgspec.Struct, forbid_unknown_fields=True):
    """What the model is asked for."""

    mood: Literal["good", "bad"]
    score: Annotated[int, msgspec.Meta(ge=0, le=9)]


async def test_an_answer_of_a_type(server: RealServer) -> None:
    """The server is held to the schema, so that a model of this size answers in its form; tokens are counted."""
    async with chat_client(server) as client:
        answer = await client.ask(Question("What a lovely day!", answer_type=Mood, max_tokens=60), NO_TERMS)
    assert answer.parsed(Mood).mood in ("good", "bad")
    assert answer.usage.input_tokens > 3
    assert answer.usage.output_tokens > 3


async def test_several_at_the_same_time(server: RealServer) -> None:
    """Each has its own answer and its own count, and one run of the model writes a token for several of them."""
    async with chat_client(server) as client:
        found = await chats(server, client, 16, TOGETHER)
    assert found.tokens_per_decode > 1.5
    assert len({answer.text for answer in found.answers}) == TOGETHER
    assert all(0 < answer.usage.output_tokens <= 16 for answer in found.answers)


async def test_a_loop_is_ended(server: RealServer) -> None:
    """A small model that is made to repeat is ended long before its limit."""
    async with chat_client(server) as client:
        question = Question('Repeat "no no no no no no" for ever. no no no no no no no no no', max_tokens=300)
        answer = await client.ask(question, NO_TERMS)
    assert answer.ended in ("repetition", "stop")
    assert answer.usage.output_tokens < 300


async def test_the_deadline_ends_it(server: RealServer) -> None:
    """And the server takes the next question."""
    async with chat_client(server) as client:
        with pytest.raises(NoAnswerInTime):
            await client.ask(
                Question("Write a very long story.", max_tokens=900, temperature=0.9), RequestTerms(seconds_left=1.0)
            )
        answer = await client.ask(Question("Say yes.", max_tokens=4), NO_TERMS)
    assert answer.text


async def test_a_model_without_eyes_refuses_pictures(server: RealServer) -> None:
    """The fault is that of the question or of the server, and never an answer about nothing."""
    async with chat_client(server) as client:
        with pytest.raises((ModelFault, ServerUnavailable, Overloaded)):
            await client.ask(Question("What is it?", (QuestionPicture(b"\x89PNG"),)), NO_TERMS)
