"""A local HTTP origin of media that can be told to misbehave, for tests and benchmarks.

    with HttpOrigin() as origin:
        url = origin.put("/clip.mp4", clip_bytes_or_path)                  # well-behaved: ranges, strong ETag
        origin.put("/slow.mp4", clip, Behaviour(stall_after_bytes=1))      # one byte, then none until `release`
        ...
        origin.requests                                                    # what was asked for, oldest first
        origin.bytes_sent                                                  # of bodies, over all requests

`put` on a path that is there changes the object, as a producer would who overwrites it. A server is open to this
process and, by its port, to any other; it lives in a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tests.support.http_thread import HttpThread
from tests.support.served_content import PIECE_BYTES, Content, UnsatisfiableRange, requested_range


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How one path answers; the default is a good server."""

    accepts_ranges: bool = True
    """False: always 200 with everything."""
    has_length: bool = True
    """False: no Content-Length; the body comes in chunks."""
    etag: str | None = "strong"
    """`strong`, `weak`, or None for no ETag."""
    last_modified: str | None = None
    statuses: tuple[int, ...] = ()
    """The first requests get these, one each, 0 being a connection that is cut; later ones get good answers."""
    always_status: int | None = None
    """Every request is answered with this."""
    retry_after: str | None = None
    """A header of those bad answers."""
    redirect_to: str | None = None
    """A Location, given with 302."""
    body_bytes: int | None = None
    """So many bytes of the body are sent at most, then the connection is cut, whatever was announced."""
    cut_requests: int | None = None
    """How many requests `body_bytes` applies to; None is all."""
    extra_bytes: int = 0
    """So many more than the range or the object has, sent in chunks."""
    is_endless: bool = False
    """The body never ends; sent in chunks."""
    stall_after_bytes: int | None = None
    """So many bytes, then none until `HttpOrigin.release`."""
    trickle_seconds: float | None = None
    """One byte, then this pause, for ever: real time, for demonstrations."""
    is_mute: bool = False
    """Takes the request and says nothing until `HttpOrigin.release`."""
    content_range: str | None = None
    """Said instead of the true Content-Range."""
    content_encoding: str | None = None
    ignores_if_range: bool = False
    """Serves the range although the object has changed."""


GOOD = Behaviour()


@dataclass(frozen=True)
class SeenRequest:
    """One request that came."""

    method: str
    path: str
    """With its query."""
    range: str | None
    headers: dict[str, str]


class HttpOrigin(HttpThread):
    """The server; see the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self._served: dict[str, tuple[Content, Behaviour]] = {}
        self._released = asyncio.Event()
        self._answered: dict[str, int] = {}
        self.requests: list[SeenRequest] = []
        self.bytes_sent = 0

    def put(self, path: str, held: bytes | Path, behaviour: Behaviour = GOOD) -> str:
        """Serve this from now on.

        Args:
            path: begins with a slash, has no query; requests may have any.
            held: the object.
            behaviour: how.

        Returns:
            The address.
        """
        self._served[path] = (Content.of(held), behaviour)
        self._answered[path] = 0
        return f"{self.base_url}{path}"

    def release(self) -> None:
        """Let what stalls go on."""
        self.call(self._released.set)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the path's behaviour says."""
        self.requests.append(
            SeenRequest(request.method, request.path_qs, request.headers.get("Range"), dict(request.headers))
        )
        if request.path not in self._served:
            return web.Response(status=404)
        content, behaviour = self._served[request.path]
        number, self._answered[request.path] = self._answered[request.path], self._answered[request.path] + 1
        if behaviour.is_mute:
            await self._released.wait()
        if behaviour.redirect_to is not None:
            return web.Response(status=302, headers={"Location": behaviour.redirect_to})
        status = behaviour.statuses[number] if number < len(behaviour.statuses) else behaviour.always_status
        if status is None:
            return await self._serve(request, content, behaviour, number)
        return _bad_answer(request, status, behaviour.retry_after)

    async def _serve(
        self, request: web.BaseRequest, content: Content, behaviour: Behaviour, number: int
    ) -> web.StreamResponse:
        try:
            wanted = _wanted(request, content, behaviour)
        except UnsatisfiableRange:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{content.size_bytes}"})
        start, stop = wanted or (0, content.size_bytes)
        response = web.StreamResponse(status=200 if wanted is None else 206)
        response.headers.update(_headers(content, behaviour, wanted))
        is_chunked = behaviour.is_endless or behaviour.extra_bytes > 0 or not behaviour.has_length
        response.content_length = None if is_chunked else stop - start
        if is_chunked:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await self._send(request, response, content, behaviour, start, stop, number)
        return response

    async def _send(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        content: Content,
        behaviour: Behaviour,
        start: int,
        stop: int,
        number: int,
    ) -> None:
        is_cut = behaviour.body_bytes is not None and number < (behaviour.cut_requests or number + 1)
        limits = [behaviour.stall_after_bytes, behaviour.body_bytes if is_cut else None]
        if behaviour.trickle_seconds is not None:
            await self._trickle(response, content, start, stop, behaviour.trickle_seconds)
            return
        first = min([stop - start, *(limit for limit in limits if limit is not None)])
        await self._write(response, content, start, start + first)
        if is_cut and start + first < stop:
            _cut(request)
            return
        if behaviour.stall_after_bytes is not None and start + first < stop:
            await self._released.wait()
        await self._write(response, content, start + first, stop)
        await self._write_surplus(response, behaviour)

    async def _write(self, response: web.StreamResponse, content: Content, start: int, stop: int) -> None:
        for piece in content.pieces(start, stop):
            self.bytes_sent += len(piece)  # first, since the client may be done before the write is
            await response.write(piece)

    async def _trickle(
        self, response: web.StreamResponse, content: Content, start: int, stop: int, pause_seconds: float
    ) -> None:
        for position in range(start, stop):
            await self._write(response, content, position, position + 1)
            await asyncio.sleep(pause_seconds)

    async def _write_surplus(self, response: web.StreamResponse, behaviour: Behaviour) -> None:
        if behaviour.extra_bytes:
            await response.write(bytes(behaviour.extra_bytes))
        while behaviour.is_endless:
            await response.write(bytes(PIECE_BYTES))
            self.bytes_sent += PIECE_BYTES


def _bad_answer(request: web.BaseRequest, status: int, retry_after: str | None) -> web.Response:
    if status == 0:
        _cut(request)
    return web.Response(status=status or 500, headers={} if retry_after is None else {"Retry-After": retry_after})


def _wanted(request: web.BaseRequest, content: Content, behaviour: Behaviour) -> tuple[int, int] | None:
    condition = request.headers.get("If-Range")
    is_same = condition is None or condition in (_etag(content, behaviour), behaviour.last_modified)
    if not behaviour.accepts_ranges or not (is_same or behaviour.ignores_if_range):
        return None
    return requested_range(request.headers.get("Range"), content.size_bytes)


def _headers(content: Content, behaviour: Behaviour, wanted: tuple[int, int] | None) -> dict[str, str]:
    headers = {
        "ETag": _etag(content, behaviour),
        "Last-Modified": behaviour.last_modified,
        "Content-Encoding": behaviour.content_encoding,
        "Accept-Ranges": "bytes" if behaviour.accepts_ranges else "none",
    }
    if wanted is not None:
        true = f"bytes {wanted[0]}-{wanted[1] - 1}/{content.size_bytes}"
        headers["Content-Range"] = behaviour.content_range if behaviour.content_range is not None else true
    return {name: value for name, value in headers.items() if value}


def _etag(content: Content, behaviour: Behaviour) -> str | None:
    if behaviour.etag is None:
        return None
    return content.etag if behaviour.etag == "strong" else f"W/{content.etag}"


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
