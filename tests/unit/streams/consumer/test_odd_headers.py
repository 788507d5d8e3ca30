"""Records that aiokafka cannot read: header names that are not UTF-8."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.consumer import odd_headers
from streams.consumer.odd_headers import TolerantRecords
from tests.odd_records import NAME, ODD_NAME, renamed

Written = list[tuple[bytes | None, list[tuple[str, bytes]]]]


def batch_of(written: Written, first_offset: int = 0) -> bytearray:
    """A batch as a producer sends it."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for number, (value, headers) in enumerate(written):
        builder.append(number, timestamp=1, key=b"k", value=value, headers=headers)
    found = bytearray(builder.build())
    struct.pack_into(">q", found, 0, first_offset)
    return found


def read(records: Any) -> list[tuple[int, bytes | None, list[tuple[str, bytes]]]]:
    """Offset, value and headers of all records."""
    found = []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        found += [(record.offset, record.value, list(record.headers)) for record in batch]
    return found


class TestTolerantRecords:
    def test_an_odd_name_is_spelled_out(self) -> None:
        """Batches before, with and behind it are all read, at their offsets."""
        plain = bytes(batch_of([(b"a", []), (b"b", [("trace", b"1")])]))
        broken = renamed(batch_of([(b"c", [(NAME, b"x")]), (None, [])], first_offset=2), ODD_NAME)
        data = plain + broken + bytes(batch_of([(b"e", [])], first_offset=4))
        with pytest.raises(UnicodeDecodeError):
            read(MemoryRecords(data))
        found = read(TolerantRecords(data))
        assert [offset for offset, _, _ in found] == [0, 1, 2, 3, 4]
        assert [value for _, value, _ in found] == [b"a", b"b", b"c", None, b"e"]
        assert found[2][2] == [("\\xff\\xfe" + NAME[2:], b"x")]

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.binary() | st.none(), st.lists(st.tuples(st.text(), st.binary()))), min_size=1))
    def test_others_are_read_as_ever(self, written: Written) -> None:
        """Whatever aiokafka can read comes out the same."""
        data = bytes(batch_of(written))
        assert read(TolerantRecords(data)) == read(MemoryRecords(data))

    @settings(deadline=None)
    @given(st.binary(min_size=len(NAME), max_size=len(NAME)))
    def test_any_name(self, name: bytes) -> None:
        """No bytes of a name keep a record from being read."""
        data = renamed(batch_of([(b"c", [(NAME, b"x")])]), name)
        [(offset, value, headers)] = read(TolerantRecords(data))
        assert (offset, value, headers[0][1]) == (0, b"c", b"x")
        assert headers[0][0] == name.decode("utf-8", "backslashreplace")

    def test_a_batch_is_an_iterator(self) -> None:
        """The fetcher takes one record of a control batch, without which no transaction ends for it."""
        data = bytes(batch_of([(b"a", []), (b"b", [])]))
        assert next(TolerantRecords(data).next_batch()).value == b"a"

    def test_it_is_what_fetchers_read_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Consumers take the class from where it is put."""
        monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
        odd_headers.install()
        assert fetcher.MemoryRecords is TolerantRecords
