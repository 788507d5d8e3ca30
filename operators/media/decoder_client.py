"""One decoder process from its parent's side: start, communication, end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from operators.cpu_clocks import SuccessiveProcesses
from operators.errors import THIS_MACHINE, InvalidMedia, MachineUnavailable
from operators.internal_errors import InternalError
from operators.media.ipc_messages import (
    AVAILABLE,
    LENGTH_BYTES,
    UNAVAILABLE,
    Broken,
    ByteRange,
    DecodeRequest,
    Done,
    Failed,
    Ready,
    Reply,
    Unreadable,
    body_length,
    decode_reply,
    encode,
)
from operators.media.limits import DecodeLimits
from operators.media.receipt import DecodeUsage

DECODER_COMMAND = (sys.executable, "-m", "operators.media.decoder_process")
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
"""A start takes a third of a second; on a machine that swaps it may take much longer."""

DEATH_SECONDS = 5.0
"""Time to end after the socket is closed; without a core dump it takes milliseconds."""

# Nothing of the parent's environment: it may contain secrets, and the process reads hostile bytes. The numeric
# libraries would otherwise start a thread per core, and glibc reserve address space for each, which the memory limit
# counts. decord reads PATH when it is imported and fails without it.
DECODER_ENVIRONMENT = {"PATH": "", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


Ensure = Callable[[int, int], Awaitable[None]]
"""Returns when bytes `[start, stop)` of the media can be read, or raises why they never can."""


class DecoderLost(InternalError):
    """The process could not be started or broke the protocol: not the media's fault."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__("media", message, details)


class DecoderKilled(Exception):
    """Another process ended it, as the OOM killer does; this says nothing about the media.

    Args:
        by: name of the signal.
    """

    def __init__(self, by: str) -> None:
        super().__init__(f"the decoder process was killed from outside: {by}")
        self.by = by


FROM_OUTSIDE = frozenset(("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"))
"""Signals from other processes. Those of crashes (SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE) and of our own limits
(SIGXCPU, SIGXFSZ) are caused by the media."""


async def nothing_is_missing(start: int, stop: int) -> None:
    """An `Ensure` for local media."""
    del start, stop


class ByteRangeSupply:
    """Fetches byte ranges for the process. The waiting time does not count as the process's.

    Args:
        ensure: of the media.
        size_bytes: of the media.
        allowance: limits the process's time.
    """

    def __init__(self, ensure: Ensure, size_bytes: int, allowance: asyncio.Timeout) -> None:
        self._ensure = ensure
        self._size_bytes = size_bytes
        self._allowance = allowance
        self.failure: Exception | None = None
        """Why a range never arrived: the decode must end with this error, whatever the process concludes."""

    async def bring(self, need: ByteRange) -> bytes:
        """Return the answer. Raises DecoderLost if there are no such bytes."""
        if not 0 <= need.start < need.stop <= self._size_bytes:
            raise DecoderLost(f"the decoder process asked for bytes {need.start} to {need.stop} of {self._size_bytes}")
        loop = asyncio.get_running_loop()
        due, asked = self._allowance.when(), loop.time()
        self._allowance.reschedule(None)
        try:
            await self._ensure(need.start, need.stop)
        except Exception as failure:
            self.failure = failure  # raised once the process has ended the request in order
        finally:
            self._allowance.reschedule(None if due is None else due + loop.time() - asked)
        return UNAVAILABLE if self.failure else AVAILABLE


class DecoderClient:
    """One process; decodes one video at a time."""

    def __init__(self, limits: DecodeLimits, command: tuple[str, ...] = DECODER_COMMAND, *, niceness: int = 0) -> None:
        """`niceness` is the process's, from 0 to 19; with the highest it uses only idle CPU time."""
        self.is_network_isolated = False
        self.num_videos = 0
        self.num_starts = 0
        self.clock = SuccessiveProcesses()
        self._niceness = niceness
        self._limits = limits
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    @property
    def process_id(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process else None

    def is_alive(self) -> bool:
        """Whether a request can be sent."""
        return self._process is not None and self._process.poll() is None

    async def open(self) -> None:
        """Start the process and wait until it is locked down.

        Raises:
            DecoderLost: It did not start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            ours.setblocking(False)
            self._channel = ours
            # Started from the event loop's own thread on purpose: the kernel ends the process when the thread that
            # started it ends, and worker threads may end at any time.
            self._process = self._start(theirs.fileno())
            self.num_starts += 1
            self.clock.began(self._process.pid)
        try:
            ready = await asyncio.wait_for(self._receive(), START_SECONDS)
            if not isinstance(ready, Ready):
                raise DecoderLost(f"the decoder process said {type(ready).__name__} before it was ready")
        except (TimeoutError, EOFError, DecoderLost, asyncio.CancelledError) as error:
            ending = self.kill()
            if isinstance(error, DecoderLost | asyncio.CancelledError):
                raise
            raise DecoderLost(f"the decoder process did not start: {ending}") from error
        self.clock.became_ready()
        self.is_network_isolated = ready.is_network_isolated

    async def decode(
        self,
        request: DecodeRequest,
        media_fd: int,
        memory_fd: int,
        on_reply: Callable[[Reply], None],
        ensure: Ensure = nothing_is_missing,
    ) -> DecodeUsage:
        """Decode one video; `on_reply` is called with every message.

        After any exception except one of `ensure`, and one that the process reported in order, the process has ended.

        Raises:
            InvalidMedia: The media is at fault, which includes hanging, crashing or exhausting the process, or
                `on_reply` raises it.
            DecoderKilled: Another process ended it.
            MachineUnavailable: This machine cannot read the file now.
            InternalError: An unexpected error in the process, or an invalid message (DecoderLost).
            Exception: Any error of `ensure`; the process has ended the request in order.
        """
        self.num_videos += 1
        allowance = asyncio.timeout(self._limits.wall_seconds)
        supply = ByteRangeSupply(ensure, request.size_bytes, allowance)
        try:
            async with allowance:
                return await self._converse(request, (media_fd, memory_fd), on_reply, supply)
        except TimeoutError as error:
            self.kill()
            _raise_if(supply.failure)
            limit = f"{self._limits.wall_seconds:g} s"
            raise InvalidMedia("media-decoder-timeout", f"decoding took longer than {limit}") from error
        except (EOFError, ConnectionError) as error:
            has_ended = await self._let_die()
            ending = self.kill()
            _raise_if(supply.failure)
            if has_ended and ending in FROM_OUTSIDE:
                raise DecoderKilled(ending) from error
            raise self._death(ending) from error
        except (asyncio.CancelledError, DecoderLost):
            self.kill()
            raise

    def kill(self) -> str:
        """End the process at once and return how it ended; has no effect if there is none."""
        process, self._process = self._process, None
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        if process is None:
            return "not running"
        self.clock.ends()
        if process.poll() is None:
            process.kill()
        return _ending(process.wait())

    async def _let_die(self) -> bool:
        """Wait briefly for a process that closed the socket; return whether it ended by itself."""
        if self._process is None:
            return False
        self.clock.ends()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, DEATH_SECONDS)
        return not self.is_alive()

    def _start(self, channel_fd: int) -> subprocess.Popen[bytes]:
        arguments = (str(channel_fd), str(os.getpid()), msgspec.json.encode(self._limits).decode())
        process = subprocess.Popen(
            (*self._command, *arguments),
            cwd=PACKAGE_ROOT,
            env=DECODER_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(channel_fd,),
        )
        if self._niceness:
            with contextlib.suppress(ProcessLookupError):  # it ended at once, which is noticed when it says nothing
                os.setpriority(os.PRIO_PROCESS, process.pid, self._niceness)
        return process

    async def _converse(
        self,
        request: DecodeRequest,
        descriptors: tuple[int, int],
        on_reply: Callable[[Reply], None],
        supply: ByteRangeSupply,
    ) -> DecodeUsage:
        assert self._channel is not None
        socket.send_fds(self._channel, [encode(request)], descriptors)
        while True:
            reply = await self._receive()
            if isinstance(reply, ByteRange):
                await self._answer(await supply.bring(reply))
                continue
            if supply.failure is not None:  # later results are from a file that seems truncated and must not be used
                if isinstance(reply, Done | Failed | Unreadable | Broken):
                    raise supply.failure
                continue
            _raise_if(_told_failure(reply))
            try:
                on_reply(reply)
            except ValueError as error:
                raise DecoderLost(f"the decoder process sent {type(reply).__name__} that cannot be: {error}") from error
            except Exception:
                self.kill()
                raise
            if isinstance(reply, Done):
                return reply.receipt

    async def _answer(self, answer: bytes) -> None:
        assert self._channel is not None
        await asyncio.get_running_loop().sock_sendall(self._channel, answer)

    async def _receive(self) -> Reply:
        prefix = await self._read(LENGTH_BYTES)
        try:
            return decode_reply(await self._read(body_length(prefix)))
        except ValueError as error:  # msgspec's errors are ValueErrors, too
            raise DecoderLost(f"the decoder process sent what is no message: {error}") from error

    async def _read(self, count: int) -> bytes:
        assert self._channel is not None
        loop = asyncio.get_running_loop()
        received = bytearray()
        while len(received) < count:
            part = await loop.sock_recv(self._channel, count - len(received))
            if not part:
                raise EOFError("the decoder process hung up")
            received += part
        return bytes(received)

    def _death(self, ending: str) -> InvalidMedia:
        if ending == signal.SIGXCPU.name:
            return InvalidMedia("media-decoder-timeout", f"decoding used more than {self._limits.cpu_seconds} s of CPU")
        return InvalidMedia("media-decoder-died", f"the decoder process ended: {ending}")


def _told_failure(reply: Reply) -> Exception | None:
    """Return the error that the process reported."""
    match reply:
        case Failed(cause, message):
            return InvalidMedia(cause, message)
        case Unreadable(message):
            return MachineUnavailable(THIS_MACHINE, f"the media file is open and cannot be read: {message}")
        case Broken(message, traceback):
            return InternalError("media", message, traceback)
    return None


def _raise_if(failure: Exception | None) -> None:
    if failure is not None:
        raise failure


def _ending(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit status {returncode}"
