"""Which errors pass a boundary, which become internal errors, and which end the process."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from operators.errors import DeviceFault, DeviceLost, InvalidMedia, MachineUnavailable, Overloaded, SourceUnavailable
from operators.internal_errors import ENDS_PROCESS, InternalError, SharedStateFault, boundary
from schemas.errors import InvalidEvent
from streams.decision.order import OffsetsOutOfOrder
from streams.kafka.publisher import PublisherFailed
from streams.store.applied import StoreBehindLog
from streams.store.rollback_detector import StoreRolledBack
from streams.verdict.keyed_executor import KeyBlocked

UNEXPECTED = (
    RecursionError("deep"), ValueError("Invalid IPv6 URL"), struct.error("short"), OverflowError("date"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), KeyError("x"), AssertionError(),
    FileNotFoundError(errno.ENOENT, "gone"),
)  # fmt: skip


class TestBoundary:
    @pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
    def test_what_nobody_named_becomes_an_internal_error(self, error: Exception) -> None:
        """It keeps its traceback as the cause, says what it was, and does not end the process."""
        with pytest.raises(InternalError) as caught, boundary("source"):
            raise error
        assert (caught.value.boundary, caught.value.__cause__) == ("source", error)
        assert caught.value.message.startswith(type(error).__name__)
        assert not isinstance(caught.value, ENDS_PROCESS)

    @pytest.mark.parametrize(
        "error",
        [
            InvalidMedia("media-empty", "no"), InvalidEvent("event-invalid", "no"), SourceUnavailable("o", "away"),
            Overloaded("full"), DeviceFault("x"), DeviceLost("x"), SharedStateFault("x"), InternalError("record", "x"),
        ],
        ids=lambda error: type(error).__name__,
    )  # fmt: skip
    def test_named_errors_pass(self, error: Exception) -> None:
        """They say themselves what happens next, and keep doing so."""
        with pytest.raises(type(error)) as caught, boundary("media"):
            raise error
        assert caught.value is error

    def test_callers_may_name_more(self) -> None:
        """What the caller handles reaches it as it is."""
        with pytest.raises(KeyError), boundary("media", KeyError):
            raise KeyError("x")

    def test_want_of_memory_is_the_machines_fault(self) -> None:
        """It is waited for, and no upload is blamed for it."""
        with pytest.raises(MachineUnavailable, match="no memory") as caught, boundary("work"):
            raise MemoryError
        assert caught.value.origin == "this machine"

    @pytest.mark.parametrize(
        "number",
        [errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, errno.ENOSPC, errno.ENOMEM, errno.ENOTCONN],
        ids=errno.errorcode.get,
    )
    def test_the_machines_fault_is_named_as_such(self, number: int) -> None:
        """It is waited for, as a source is."""
        with pytest.raises(MachineUnavailable) as caught, boundary("media"):
            raise OSError(number, os.strerror(number))
        assert os.strerror(number) in caught.value.message

    def test_cancellation_passes(self) -> None:
        """What is no Exception is no business of a boundary."""
        with pytest.raises(KeyboardInterrupt), boundary("work"):
            raise KeyboardInterrupt

    def test_a_message_is_bounded_and_can_be_written(self) -> None:
        """Half surrogates and endless texts of a library end in no letter."""
        told = InternalError("source", ValueError("\ud800" * 10_000)).message
        assert len(told) <= 500
        assert told.encode("utf-8")

    def test_it_is_reported_once(self) -> None:
        """Four agents that see one failed decode write one traceback."""
        error = InternalError("media", ValueError("x"))
        assert [error.take_report() for _ in range(4)] == [True, False, False, False]


class TestEndsProcess:
    @pytest.mark.parametrize(
        "kind", [OffsetsOutOfOrder, KeyBlocked, StoreBehindLog, StoreRolledBack, PublisherFailed, DeviceLost]
    )
    def test_faults_of_what_all_events_share(self, kind: type[Exception]) -> None:
        """Order of facts, offsets, the store's word, the publisher, the device: nothing else ends a process."""
        assert isinstance(kind("x"), ENDS_PROCESS)

    @pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
    def test_nothing_else_does(self, error: Exception) -> None:
        """A bug that one event brings about is that event's."""
        assert not isinstance(error, ENDS_PROCESS)
