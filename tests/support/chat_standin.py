"""A server of chat completions that a test can spoil: it streams what a function answers, as llama.cpp and vLLM do."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from aiohttp import ClientConnectionError, web

from tests.support.http_thread import HttpThread

Reply = Callable[[dict[str, Any]], str | Iterable[str]]
"""From the body of a question to its answer, whole or in pieces, which may have no end."""

INPUT_TOKENS = 100
PIECE_CHARACTERS = 7


class ChatStandin(HttpThread):
    """Answers every question by one function.

    Args:
        reply: to each question.
        port: of loopback; 0: a free one.
    """

    def __init__(self, reply: Reply, *, port: int = 0) -> None:
        super().__init__(port)
        self.reply = reply
        self.statuses: list[int] = []
        """Statuses of the next answers, instead of answers; 0 breaks off in the middle."""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.finish_reason = "stop"
        self.models_status = 200
        """Of its list of models."""
        self.extra: list[dict[str, Any]] = []
        """Events before the first piece."""
        self.raw: bytes | None = None
        """Sent instead of a stream of pieces, such as a page of a proxy."""
        self.hangs = False
        """Whether nothing follows after the head of an answer."""
        self.was_left = threading.Event()
        """Whether a client ended an answer."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/models":
            return web.json_response({"object": "list", "data": []}, status=self.models_status)
        body = json.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else 200
        if request.path != "/v1/chat/completions" or status not in (0, 200):
            return web.json_response({"error": {"message": "planned"}}, status=status if status else 404)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            if self.hangs:
                await asyncio.Event().wait()
            if self.raw is not None:
                await response.write(self.raw)
                return response
            await self._stream(response, body, is_broken=status == 0)
        except (ConnectionError, ClientConnectionError) as error:
            self.was_left.set()
            raise ConnectionResetError from error
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return response

    async def _stream(self, response: web.StreamResponse, body: dict[str, Any], *, is_broken: bool) -> None:
        for event in self.extra:
            await _send(response, event)
        num_pieces = 0
        for piece in _pieces(self.reply(body)):
            await _send(response, {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
            num_pieces += 1
            if is_broken:
                return
        await _send(response, {"choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]})
        usage = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": num_pieces, "total_tokens": 0}
        await _send(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")


def pictures_of(body: dict[str, Any]) -> list[np.ndarray]:
    """The pictures of a question, RGB."""
    parts = body["messages"][-1]["content"]
    found = [part["image_url"]["url"].partition("base64,")[2] for part in parts if part["type"] == "image_url"]
    decoded = [cv2.imdecode(np.frombuffer(base64.b64decode(each), np.uint8), cv2.IMREAD_COLOR) for each in found]
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in decoded if picture is not None]


def _pieces(answer: str | Iterable[str]) -> Iterable[str]:
    if not isinstance(answer, str):
        return answer
    return [answer[start : start + PIECE_CHARACTERS] for start in range(0, len(answer), PIECE_CHARACTERS)]


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(b": keep\n\ndata: " + json.dumps(event).encode() + b"\n\n")
