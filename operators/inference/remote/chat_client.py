"""A client for chat completions with pictures, as OpenAI, vLLM and llama.cpp serve them.

Answers are streamed, so that one that repeats itself is ended before it fills its limit.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import msgspec
from aiohttp.client_reqrep import ClientResponse
from aiohttp.http_exceptions import LineTooLong

from operators.errors import ModelFault, ServerUnavailable
from operators.inference.loaded_model import RequestTerms, ServerUsage
from operators.inference.remote.faults import BatchFault, ModelMissing, RequestRefused, shown
from operators.inference.remote.http_client import ServerHttp
from operators.inference.remote.repetition import repeated_unit, without_repeats
from operators.inference.remote.reporting import Tokens, reported
from operators.inference.remote.request_time import request_seconds
from operators.inference.remote.server_options import ServerOptions

Answer = TypeVar("Answer")

PATH: Final = "/v1/chat/completions"
MODELS_PATH: Final = "/v1/models"
_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
MAX_ANSWER_CHARACTERS: Final = 1_000_000


class BadAnswer(ModelFault):
    """The model answered something else than what was asked for: not again, the same question has the same answer."""

    usage: ServerUsage | None = None
    """What it cost, where the answer itself is not returned."""


class Declined(BadAnswer):
    """The model, or a filter of its server, refuses to answer."""


@dataclass(frozen=True, slots=True)
class QuestionPicture:
    """One picture of a question, as bytes of a file."""

    content: bytes
    media_type: Literal["image/png", "image/jpeg", "image/webp"] = "image/png"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    text: str
    pictures: tuple[QuestionPicture, ...] = ()
    instructions: str = ""
    """The system's message; none if empty."""
    answer_type: Any = None
    """A type that `msgspec` reads from JSON, such as a struct: the server is held to its schema. None: any text."""
    schema: dict[str, Any] | None = None
    """In place of the schema of `answer_type`."""
    max_tokens: int = 256
    max_characters: int = MAX_ANSWER_CHARACTERS
    """A longer answer is ended as one at its limit of tokens: not every server keeps that."""
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What came back."""

    text: str
    ended: Literal["stop", "length", "repetition"]
    """`length`: at the limit of tokens or characters; `repetition`: it repeated itself, and the repeats are left
    out."""
    usage: ServerUsage
    """Without input tokens for an answer that was ended here, and with its pieces as output tokens: the server counts
    at the end only."""

    def parsed(self, kind: type[Answer]) -> Answer:
        """Return the answer as a type.

        Raises:
            BadAnswer: it is none.
        """
        try:
            return msgspec.json.decode(self.text, type=kind)
        except (msgspec.MsgspecError, UnicodeEncodeError) as error:
            raise BadAnswer(f"answered ({self.ended}) {shown(self.text)}: {error}") from error


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Piece(msgspec.Struct):
    choices: tuple[_Choice, ...] = ()
    usage: _Usage | None = None
    error: Any = None


class ChatClient:
    """One server and one of its models; belongs to one event loop.

    Args:
        options: of the server.
        model: its name there.
    """

    def __init__(self, options: ServerOptions, model: str) -> None:
        self._options = options
        self._model = model
        self._origin = options.endpoint.origin
        self._http = ServerHttp(options)

    async def ask(self, question: Question, terms: RequestTerms) -> ChatAnswer:
        """Ask, and return the whole answer.

        Raises:
            RequestRefused: the server does not accept the question, such as a picture that is too large.
            BadAnswer: the model declines, or answers nothing; its `usage` says what that cost.
            BatchFault: the server failed while it computed.
            ServerUnavailable: no answer until the deadline, or no server; see also `ServerWatch.require`.
            Overloaded: no room now.
        """
        self._options.watch.require(self._origin)
        seconds, began = request_seconds(terms, self._options.timeout_seconds), time.monotonic()
        body = msgspec.json.encode(_body(question, self._model))
        headers = {"Content-Type": "application/json"}
        tokens = Tokens()
        try:
            with reported(self._options, seconds, is_failure_its_own=True, tokens=tokens):
                async with self._http.opened(PATH, seconds, body, headers) as response:
                    text, ended = await self._read(response, tokens, question.max_characters)
            if not text.strip():
                raise BadAnswer(f"{self._origin} answered nothing ({ended})")
        except BadAnswer as error:
            error.usage = self._usage(began, tokens)
            raise
        return ChatAnswer(text, ended, self._usage(began, tokens))

    def _usage(self, began_seconds: float, tokens: Tokens) -> ServerUsage:
        seconds = time.monotonic() - began_seconds
        return ServerUsage(self._options.endpoint.address, seconds, tokens.read, tokens.written)

    async def require_present(self) -> None:
        """Return if the server answers at all; it need not have a list of its models.

        Raises:
            ServerUnavailable, Overloaded: no answer, or no room; see also `ServerWatch.require`.
        """
        self._options.watch.require(self._origin)
        seconds = self._options.timeout_seconds
        with reported(self._options, seconds, is_failure_its_own=True), suppress(RequestRefused, ModelMissing):
            await self._http.send(MODELS_PATH, seconds)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _read(
        self, response: ClientResponse, tokens: Tokens, max_characters: int
    ) -> tuple[str, Literal["stop", "length", "repetition"]]:
        text, reason = "", None
        async for piece in self._pieces(response):
            if piece.usage is not None:
                tokens.read, tokens.written = piece.usage.prompt_tokens, piece.usage.completion_tokens
            for choice in piece.choices[:1]:
                if choice.delta.refusal:
                    raise Declined(f"{self._origin} declines: {shown(choice.delta.refusal)}")
                reason = choice.finish_reason or reason
                if choice.delta.content:
                    text += choice.delta.content
                    tokens.written += piece.usage is None
                    if (unit := repeated_unit(text)) is not None:
                        response.close()  # the server stops when nobody listens
                        return without_repeats(text, unit), "repetition"
                    if len(text) > max_characters:
                        response.close()
                        return text[:max_characters], "length"
        return text, self._end_of(reason)

    def _end_of(self, reason: str | None) -> Literal["stop", "length"]:
        match reason:
            case "stop":
                return "stop"
            case "length":
                return "length"
            case None:
                raise ServerUnavailable(self._origin, "its answer was cut off")
            case "content_filter":
                raise Declined(f"{self._origin} ended its answer by {reason}")
        raise BadAnswer(f"{self._origin} ended its answer by {shown(reason)}")

    async def _lines(self, response: ClientResponse) -> AsyncIterator[bytes]:
        lines = aiter(response.content)
        while True:
            try:
                yield await anext(lines)
            except StopAsyncIteration:
                return
            except (LineTooLong, ValueError) as error:  # a line that the client does not hold in memory
                response.close()
                raise BadAnswer(f"{self._origin} answered a line that is too long: {error}") from error

    async def _pieces(self, response: ClientResponse) -> AsyncIterator[_Piece]:
        async for line in self._lines(response):
            if not line.startswith(_DATA):
                continue  # a comment that keeps the connection, or an empty line
            content = line[len(_DATA) :].strip()
            if content == _DONE:
                return
            try:
                piece = msgspec.json.decode(content, type=_Piece)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise ServerUnavailable(self._origin, f"answered what is no chat completion: {error}") from error
            if piece.error is not None:
                raise BatchFault(f"{self._origin} failed: {shown(str(piece.error))}")
            yield piece


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type, with an object at its root, as servers require."""
    (found,), parts = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    name = found.get("$ref", "").rpartition("/")[2]
    root: dict[str, Any] = parts.get(name, found)
    others = {other: part for other, part in parts.items() if other != name}
    return root | ({"$defs": others} if others else {})


def _body(question: Question, model: str) -> dict[str, Any]:
    schema = question.schema
    if schema is None and question.answer_type is not None:
        schema = schema_of(question.answer_type)
    held = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    return {
        "model": model,
        "messages": [
            *([{"role": "system", "content": question.instructions}] if question.instructions else []),
            {"role": "user", "content": _parts(question)},
        ],
        "max_tokens": question.max_tokens,
        "temperature": question.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        **({} if schema is None else {"response_format": held}),
    }


def _parts(question: Question) -> str | list[dict[str, Any]]:
    if not question.pictures:
        return question.text  # servers of models without pictures take no parts
    return [
        {"type": "text", "text": question.text},
        *(
            {
                "type": "image_url",
                "image_url": {"url": f"data:{each.media_type};base64,{base64.b64encode(each.content).decode()}"},
            }
            for each in question.pictures
        ),
    ]
