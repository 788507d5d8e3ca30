"""Headers of messages, as confluent-kafka hands them out."""

from __future__ import annotations

from typing import Any

from streams.kafka.clients import headers_of


class FakeMessage:
    """Answers, or raises, what it was given."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def headers(self) -> Any:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class TestHeadersOf:
    def test_order_doubles_and_nulls_are_kept(self) -> None:
        """Bytes take the place of null; None is no headers."""
        found: Any = FakeMessage([("a", b"1"), ("a", None)])
        assert headers_of(found) == (("a", b"1"), ("a", b""))
        nothing: Any = FakeMessage(None)
        assert headers_of(nothing) == ()

    def test_names_that_are_no_text_end_nobody(self) -> None:
        """The client refuses to read them; the record is read all the same."""
        odd: Any = FakeMessage(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))
        assert headers_of(odd) == ()
