"""A fixed number of decoder processes, used in order of request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.decoder_client import (
    DECODER_COMMAND,
    DecoderClient,
    DecoderKilled,
    DecoderLost,
    Ensure,
    nothing_is_missing,
)
from operators.media.ipc_messages import DecodeRequest, Indexed, Reply
from operators.media.limits import DecodeLimits
from operators.media.receipt import DecodeUsage
from operators.tracing import SILENT_TRACER, Tracer


class DecodeObserver(Protocol):
    """Events for metrics; called on the event loop, must not block or raise."""

    def decode_started(self, waited_seconds: float) -> None:
        """Called when a process was free, after this wait."""

    def decode_finished(self, seconds: float, cause: str) -> None:
        """Called after this time; `cause` is empty for success, otherwise a `MediaCause`, `source-away`, `cancelled` or
        `lost`."""

    def decoder_replaced(self) -> None:
        """Called when a process has ended and another one was started."""


class SilentDecodeObserver:
    """Does nothing."""

    def decode_started(self, waited_seconds: float) -> None:
        """See `DecodeObserver`."""

    def decode_finished(self, seconds: float, cause: str) -> None:
        """See `DecodeObserver`."""

    def decoder_replaced(self) -> None:
        """See `DecodeObserver`."""


def ignore_cost(cpu_seconds: float) -> None:
    """Do nothing."""
    del cpu_seconds


class DecoderPool:
    """Decodes as many videos at a time as it has processes; others wait in order."""

    def __init__(
        self,
        num_processes: int,
        limits: DecodeLimits | None = None,
        *,
        observer: DecodeObserver | None = None,
        command: tuple[str, ...] = DECODER_COMMAND,
        niceness: int = 0,
        tracer: Tracer = SILENT_TRACER,
    ) -> None:
        """`command` starts a decoder process; three arguments are appended, see `decoder_process`.

        A pool that is not opened starts each process when it is first needed; `niceness` is theirs.
        """
        if num_processes < 1:
            raise ValueError(f"num_processes is {num_processes}; at least 1")
        self.limits = limits or DecodeLimits()
        self._observer = observer or SilentDecodeObserver()
        self._tracer = tracer
        self._clients = [DecoderClient(self.limits, command, niceness=niceness) for _ in range(num_processes)]
        self._idle: asyncio.Queue[DecoderClient] = asyncio.Queue()
        for client in self._clients:
            self._idle.put_nowait(client)

    def cpu_seconds(self) -> float:
        """CPU time of all processes so far, starts included."""
        return sum(client.clock.cpu_seconds() for client in self._clients)

    def start_cpu_seconds(self) -> float:
        """CPU time that they used until each was ready."""
        return sum(client.clock.start_cpu_seconds for client in self._clients)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that run now."""
        return tuple(client.process_id for client in self._clients if client.process_id is not None)

    @property
    def is_network_isolated(self) -> bool:
        """Whether no running process can reach a network."""
        return all(client.is_network_isolated for client in self._clients if client.is_alive())

    async def open(self) -> None:
        """Start all processes.

        Raises:
            DecoderLost: One did not start; none is left running.
        """
        try:
            await asyncio.gather(*(client.open() for client in self._clients))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all processes. Decodes in progress must have been cancelled before."""
        for client in self._clients:
            client.kill()

    async def decode(
        self,
        request: DecodeRequest,
        media_fd: int,
        memory_fd: int,
        on_reply: Callable[[Reply], None],
        ensure: Ensure = nothing_is_missing,
        on_end: Callable[[float], None] = ignore_cost,
    ) -> DecodeUsage:
        """Decode one video, after earlier requests; see `DecoderClient.decode`.

        Cancelling ends the process that works on it. In any case `on_end` is called with the CPU seconds that the
        process used for it.
        """
        async with self._lent() as client:
            started, cpu_before_seconds = time.monotonic(), client.clock.cpu_seconds()
            cause = "lost"
            try:
                with self._tracer.span("decode") as span:
                    told = self._telling_of_index(on_reply)
                    receipt = await client.decode(request, media_fd, memory_fd, told, ensure)
                    span.note("frames_decoded", receipt.frames_decoded)
                    span.note("cpu_seconds", receipt.cpu_seconds)
                cause = ""
                return receipt
            except InvalidMedia as fault:
                cause = fault.cause
                raise
            except DecoderKilled:
                cause = "media-decoder-killed"
                raise
            except SourceUnavailable:
                cause = "source-away"
                raise
            except asyncio.CancelledError:
                cause = "cancelled"
                raise
            finally:
                on_end(client.clock.cpu_seconds() - cpu_before_seconds)
                self._observer.decode_finished(time.monotonic() - started, cause)

    def _telling_of_index(self, on_reply: Callable[[Reply], None]) -> Callable[[Reply], None]:
        """Trace reading the index as a separate step, from the beginning of the decode until the first reply."""
        began_unix_seconds = time.time()

        def told(reply: Reply) -> None:
            if isinstance(reply, Indexed):
                self._tracer.span("index", began_unix_seconds=began_unix_seconds).end()
            on_reply(reply)

        return told

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[DecoderClient]:
        asked = time.monotonic()
        with self._tracer.span("decoder wait"):
            client = await self._idle.get()
        try:
            await self._revive(client)
            self._observer.decode_started(time.monotonic() - asked)
            yield client
        finally:
            self._idle.put_nowait(client)

    async def _revive(self, client: DecoderClient) -> None:
        """Replace a process that died, or has served long enough, when it is next needed."""
        if client.num_videos >= self.limits.max_videos_per_process:
            client.kill()
        if client.is_alive():
            return
        client.kill()
        await _open_patiently(client)
        client.num_videos = 0
        if client.num_starts > 1:
            self._observer.decoder_replaced()


async def _open_patiently(client: DecoderClient) -> None:
    try:
        await client.open()
    except DecoderLost:
        await client.open()  # a second attempt: a machine that is out of memory for a moment must not cost a video
