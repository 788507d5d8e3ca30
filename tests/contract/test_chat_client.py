"""The client of chat servers, and the backend over it: what is sent, what comes back, and each way to fail."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from models.card import Card
from models.model_output import ScoreOutput
from operators.errors import DeviceFault, ModelFault, Overloaded, ServerUnavailable
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.loaded_model import NO_TERMS, RequestTerms, ServerUsage
from operators.inference.remote.chat_client import (
    BadAnswer,
    ChatAnswer,
    ChatClient,
    Declined,
    Question,
    QuestionPicture,
)
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.faults import BatchFault, NoAnswerInTime, RequestRefused
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import ModelOutput, RequestContext
from ops.bench.arithmetic_card import arithmetic_card
from tests.support.chat_standin import INPUT_TOKENS, ChatStandin, Reply, pictures_of
from tests.support.kserve_world import Watch


class Colour(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    share: float


class Caption(msgspec.Struct, forbid_unknown_fields=True):
    """What a caption may look like."""

    text: str
    colours: list[Colour]


CAPTION = '{"text": "a cat on a mat", "colours": [{"name": "black", "share": 0.5}]}'
QUESTION = Question("What is it?", (QuestionPicture(b"\x89PNG"),), "Be brief.", answer_type=Caption, max_tokens=50)


def options(server: ChatStandin, watch: Watch, max_requests: int = 2, timeout_seconds: float = 30.0) -> ServerOptions:
    endpoint = parse_endpoint(server.base_url, ["http"])
    return ServerOptions(
        endpoint, ["127.0.0.1"], token="secret", max_requests=max_requests, timeout_seconds=timeout_seconds,
        watch=watch,
    )  # fmt: skip


@asynccontextmanager
async def asked(
    reply: Reply | str, *, timeout_seconds: float = 30.0
) -> AsyncIterator[tuple[ChatStandin, ChatClient, Watch]]:
    watch = Watch()
    with ChatStandin(reply if callable(reply) else lambda _body: reply) as server:
        client = ChatClient(options(server, watch, timeout_seconds=timeout_seconds), "tiny-vlm")
        try:
            yield server, client, watch
        finally:
            await client.aclose()


class TestAnswers:
    async def test_an_answer_of_a_type(self) -> None:
        """With tokens as the server counts them, its host and the time."""
        async with asked(CAPTION) as (server, client, watch):
            answer = await client.ask(QUESTION, NO_TERMS)
            address = server.base_url.removeprefix("http://")
        assert answer.parsed(Caption) == Caption("a cat on a mat", [Colour("black", 0.5)])
        assert (answer.ended, answer.usage.host) == ("stop", address)
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (INPUT_TOKENS, math.ceil(len(CAPTION) / 7))
        assert answer.usage.seconds > 0
        assert [(each.outcome, each.input_tokens) for each in watch.requests] == [("answered", INPUT_TOKENS)]

    async def test_what_is_sent(self) -> None:
        """Instructions and question, pictures as data, the type's schema with an object at its root, and the token."""
        async with asked(CAPTION) as (server, client, _):
            await client.ask(QUESTION, NO_TERMS)
            (body,), (headers,) = server.bodies, server.headers
        assert headers["Authorization"] == "Bearer secret"
        assert (body["model"], body["max_tokens"], body["stream"]) == ("tiny-vlm", 50, True)
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        text, picture = body["messages"][1]["content"]
        assert text == {"type": "text", "text": "What is it?"}
        assert picture["image_url"]["url"] == "data:image/png;base64,iVBORw=="
        schema = body["response_format"]["json_schema"]["schema"]
        assert (schema["type"], schema["required"], schema["additionalProperties"]) == (
            "object", ["text", "colours"], False,
        )  # fmt: skip
        assert schema["$defs"]["Colour"]["required"] == ["name", "share"]

    async def test_a_text_alone_is_no_list_of_parts(self) -> None:
        """Servers of models without eyes take plain texts."""
        async with asked("hello") as (server, client, _):
            answer = await client.ask(Question("Say hello"), NO_TERMS)
            assert server.bodies[0]["messages"] == [{"role": "user", "content": "Say hello"}]
            assert "response_format" not in server.bodies[0]
        assert answer.text == "hello"

    async def test_another_answer_than_the_type(self) -> None:
        """The message quotes it."""
        async with asked('{"text": 3}') as (_, client, _watch):
            answer = await client.ask(QUESTION, NO_TERMS)
        with pytest.raises(BadAnswer, match='"text": 3'):
            answer.parsed(Caption)

    async def test_an_answer_at_the_limit(self) -> None:
        """Anyone who asked decides what half an answer is worth."""
        async with asked('{"text": "a c') as (server, client, _):
            server.finish_reason = "length"
            answer = await client.ask(QUESTION, NO_TERMS)
        assert answer.ended == "length"
        with pytest.raises(BadAnswer, match="answered \\(length\\)"):
            answer.parsed(Caption)


class TestRepetition:
    @pytest.mark.parametrize("unit", ["the cat sat on the mat. ", "na ", "\n", "猫がいる。", "word " * 20])
    async def test_is_ended_while_it_comes(self, unit: str) -> None:
        """The server is left, which ends its work; what came before the repeats is kept, with one of them."""
        async with asked(lambda _body: itertools.chain(["A picture: "], itertools.repeat(unit))) as (server, client, _):
            answer = await client.ask(Question("Describe it"), NO_TERMS)
            assert await asyncio.to_thread(server.was_left.wait, 60)
        assert answer.ended == "repetition"
        assert answer.text.startswith("A picture:")
        assert len(answer.text) <= len("A picture: ") + 2 * len(unit)
        assert answer.usage.output_tokens > 0

    @pytest.mark.parametrize(
        "text",
        [
            "ha ha ha ha, no no no, very very very good!",
            "0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0",
            "| --- | --- | --- | --- | --- |",
            "A dog runs. A dog jumps. A dog sits. A dog sleeps. A dog eats. A dog barks. A dog runs away.",
        ],
    )
    async def test_usual_texts_are_whole(self, text: str) -> None:
        """Laughter, lists, tables, and sentences that begin alike."""
        async with asked(text) as (_, client, _watch):
            answer = await client.ask(Question("Describe it"), NO_TERMS)
        assert (answer.text, answer.ended) == (text, "stop")


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "kind", "outcome"),
        [
            (400, RequestRefused, ("refused", False)),
            (429, Overloaded, ("overloaded", False)),
            (503, Overloaded, ("overloaded", True)),
            (500, BatchFault, ("failed", True)),
            (401, ServerUnavailable, ("unavailable", True)),
        ],
    )
    async def test_statuses(self, status: int, kind: type[Exception], outcome: tuple[str, bool]) -> None:
        """As of every server."""
        async with asked(CAPTION) as (server, client, watch):
            server.statuses = [status]
            with pytest.raises(kind):
                await client.ask(QUESTION, NO_TERMS)
            assert watch.outcomes() == [outcome]

    async def test_half_an_answer_is_none(self) -> None:
        """The connection broke in the middle, or the stream ended without a reason."""
        async with asked(CAPTION) as (server, client, _):
            server.statuses = [0]
            with pytest.raises(ServerUnavailable):
                await client.ask(QUESTION, NO_TERMS)

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            ({"error": {"message": "slot lost"}}, BatchFault),
            ({"choices": [{"delta": {"refusal": "I cannot"}}]}, Declined),
            ({"choices": "none"}, ServerUnavailable),
        ],
    )
    async def test_events_that_are_no_answer(self, event: dict[str, object], kind: type[Exception]) -> None:
        """A fault in the stream, a model that declines, and something else than chat completions."""
        async with asked(CAPTION) as (server, client, _):
            server.extra = [event]
            with pytest.raises(kind):
                await client.ask(QUESTION, NO_TERMS)

    async def test_a_filtered_answer_is_none(self) -> None:
        """Some servers end an answer that they do not like; it has cost tokens."""
        async with asked(CAPTION) as (server, client, _):
            server.finish_reason = "content_filter"
            with pytest.raises(Declined, match="content_filter") as declined:
                await client.ask(QUESTION, NO_TERMS)
        assert declined.value.usage
        assert declined.value.usage.output_tokens > 0

    async def test_a_long_answer_is_ended(self) -> None:
        """At the limit of characters, since not every server keeps that of tokens; it is told to stop."""
        async with asked(lambda _body: (f"{number} " for number in itertools.count())) as (server, client, _):
            answer = await client.ask(replace(QUESTION, max_characters=100), NO_TERMS)
            assert await asyncio.to_thread(server.was_left.wait, 60)
        assert (answer.ended, len(answer.text)) == ("length", 100)

    async def test_a_piece_without_end(self) -> None:
        """A line that does not fit into memory is no answer, and the server is not unavailable."""
        async with asked(lambda _body: ["x" * 10_000_000]) as (_, client, watch):
            with pytest.raises(BadAnswer, match="too long"):
                await client.ask(QUESTION, NO_TERMS)
            assert watch.outcomes() == [("refused", False)]

    @pytest.mark.parametrize(
        "raw", [b"<html>Bad gateway</html>", b"data: " + b"[" * 50_000 + b"\n\n", b"data: {\xff}\n"]
    )
    async def test_no_stream_of_pieces(self, raw: bytes) -> None:
        """A page of a proxy, nesting without end, and bytes that are no text."""
        async with asked(CAPTION) as (server, client, _):
            server.raw = raw
            with pytest.raises(ServerUnavailable):
                await client.ask(QUESTION, NO_TERMS)

    async def test_an_empty_answer_is_none(self) -> None:
        """Also one of spaces."""
        async with asked("  ") as (_, client, _watch):
            with pytest.raises(BadAnswer, match="answered nothing"):
                await client.ask(QUESTION, NO_TERMS)

    async def test_the_deadline_ends_an_answer(self) -> None:
        """Also in the middle of one that never ends; the server is not to blame."""
        async with asked(lambda _body: (f"{number} " for number in itertools.count())) as (server, client, watch):
            with pytest.raises(NoAnswerInTime):
                await client.ask(QUESTION, RequestTerms(seconds_left=1.0))
            assert watch.outcomes() == [("cut", False)]
            assert await asyncio.to_thread(server.was_left.wait, 60)

    async def test_an_open_breaker_sends_nothing(self) -> None:
        """The server is not asked."""
        async with asked(CAPTION) as (server, client, watch):
            watch.is_open = True
            with pytest.raises(ServerUnavailable):
                await client.ask(QUESTION, NO_TERMS)
            assert server.bodies == []


CARD = arithmetic_card(
    "judge",
    "Is there a light, and is it red?",
    input_shape=(4, 4, 3),
    input_dtype="uint8",
    outputs=("scores",),
    batch_sizes=(1, 4),
    devices=("openai",),
    scores=ScoreOutput(index=0, classes=("light", "red")),
)
POISON = 13


def judged(body: dict[str, object]) -> str:
    """Light by the mean, red by the red channel; nonsense for a poison picture."""
    (picture,) = pictures_of(body)
    if (picture == POISON).all():
        return '{"scores": {"light": 7}}'
    shares = picture.mean(axis=(0, 1)) / 255
    return json.dumps({"scores": {"light": shares.mean(), "red": shares[0]}})


@asynccontextmanager
async def judging(card: Card = CARD, reply: Reply = judged) -> AsyncIterator[tuple[ChatStandin, Inference]]:
    with ChatStandin(reply) as server:
        config = BackendConfig(server=options(server, Watch()))
        inference = await Inference.open([card], lambda _card: None, open_backend("openai", config))  # type: ignore[arg-type,return-value]
        try:
            yield server, inference
        finally:
            await inference.close()


async def scores(inference: Inference, pictures: Sequence[np.ndarray]) -> list[ModelOutput | BaseException]:
    batcher, context = inference.batcher(CARD.name), RequestContext("v", "live", math.inf)
    return await asyncio.gather(*(batcher.submit(each, context) for each in pictures), return_exceptions=True)


def picture(red: int, green: int, blue: int) -> np.ndarray:
    return np.broadcast_to(np.array([red, green, blue], np.uint8), CARD.input_shape).copy()


class TestBackend:
    async def test_scores_of_pictures(self) -> None:
        """By the names of the card's classes, in their order; tokens, seconds and host are on each answer."""
        async with judging() as (_, inference):
            (red, blue) = await scores(inference, [picture(255, 0, 0), picture(0, 0, 255)])
        assert isinstance(red, ModelOutput)
        assert isinstance(blue, ModelOutput)
        np.testing.assert_allclose(red.values[0], [1 / 3, 1.0], atol=1e-6)
        np.testing.assert_allclose(blue.values[0], [1 / 3, 0.0], atol=1e-6)
        assert red.mode == "openai-float32"
        assert red.usage is not None
        assert (red.usage.input_tokens, red.usage.output_tokens > 0) == (INPUT_TOKENS, True)

    async def test_a_start_asks_once(self) -> None:
        """Whatever the number of threads and batch sizes: questions cost tokens."""
        async with judging() as (server, _):
            assert len(server.bodies) == 1

    async def test_a_bad_answer_is_one_rows_fault(self) -> None:
        """Its neighbours are answered, and none is asked again."""
        async with judging() as (server, inference):
            found = await scores(inference, [picture(255, 0, 0), picture(*[POISON] * 3), picture(0, 255, 0)])
            assert len(server.bodies) == 1 + 3
        assert [type(each) for each in found] == [ModelOutput, BadAnswer, ModelOutput]

    async def test_a_failure_is_tried_once_more(self) -> None:
        """And then it is that row's fault."""
        async with judging() as (server, inference):
            server.statuses = [500]
            (once,) = await scores(inference, [picture(255, 0, 0)])
            server.statuses = [500, 500]
            (twice,) = await scores(inference, [picture(255, 0, 0)])
        assert isinstance(once, ModelOutput)
        assert type(twice) is ModelFault

    async def test_a_model_that_answers_otherwise_ends_the_start(self) -> None:
        """With its answer."""
        with pytest.raises(DeviceFault, match=r"does not answer as its card says.*maybe"):
            async with judging(reply=lambda _body: '{"verdict": "maybe"}'):
                pass

    async def test_takes_pictures_alone(self) -> None:
        """The message says what the card has."""
        with pytest.raises(DeviceFault, match=r"takes \(96,\) float32; a chat server is given one picture"):
            async with judging(replace(CARD, input_shape=(96,), input_dtype="float32")):
                pass


def test_a_text_is_read_as_a_type() -> None:
    """Where nothing was asked for, too."""
    answer = ChatAnswer('{"text": "a", "colours": []}', "stop", ServerUsage("h:1", 0.1))
    assert answer.parsed(Caption) == Caption("a", [])
