"""The order of offsets: a record that is redelivered is told from one that comes too late."""

from __future__ import annotations

import pytest

from streams.decision.order import DeliveredOrder, OffsetsOutOfOrder
from streams.record import Place, Record
from streams.verdict.keyed_executor import KeyedExecutor


def record(offset: int, generation: int = 1, partition: int = 0) -> Record:
    return Record(Place("video.signals", partition, offset), b"v", None, (), 0.0, generation)


def told(order: DeliveredOrder, *records: Record) -> list[bool]:
    return [order.is_redelivered(each) for each in records]


class TestDeliveredOrder:
    def test_records_in_order_are_new(self) -> None:
        """Also behind gaps, and in partitions of their own."""
        records = (record(5), record(6), record(9), record(0, partition=1), record(10))
        assert told(DeliveredOrder(), *records) == [False] * 5

    def test_records_of_a_new_generation_come_again_up_to_the_highest(self) -> None:
        """After a rebalance reading begins at what is committed."""
        again = told(DeliveredOrder(), record(5), record(6), record(7), *(record(n, 2) for n in (6, 7, 8, 9)))
        assert again == [False, False, False, True, True, False, False]

    def test_a_seek_within_a_generation_delivers_again(self) -> None:
        """Faust seeks to what is committed when it dropped records that it had fetched."""
        order = DeliveredOrder()
        assert told(order, *(record(n) for n in (5, 6, 7, 5, 6, 7, 8))) == [False] * 3 + [True] * 3 + [False]
        assert told(order, record(4)) == [True]

    def test_a_record_that_a_later_one_jumped_over_is_refused(self) -> None:
        """It was never delivered, and the later one has raised the applied offset above it."""
        order = DeliveredOrder()
        told(order, record(5), record(8))
        with pytest.raises(OffsetsOutOfOrder, match="offset=7"):
            order.is_redelivered(record(7))

    def test_the_next_generation_may_deliver_what_was_jumped_over(self) -> None:
        """Another worker may have folded it meanwhile, and reads nothing out of its order."""
        assert told(DeliveredOrder(), record(5), record(8), record(7, 2), record(8, 2)) == [False, False, True, True]

    def test_a_late_record_of_a_generation_that_is_over_comes_again(self) -> None:
        """It was still on its way through the worker."""
        assert told(DeliveredOrder(), record(5), record(5, 2), record(6, 1)) == [False, True, True]


class TestKeyedOrder:
    async def test_an_offset_below_one_that_waits_is_refused(self) -> None:
        """It would be folded after it, and change nothing."""
        executor, done = KeyedExecutor(), []

        async def work() -> None:
            done.append(True)

        first = executor.enqueue("a", 5, work)
        for offset in (4, 5):
            with pytest.raises(OffsetsOutOfOrder, match=f"offset {offset} of 'a' was enqueued after offset 5"):
                executor.enqueue("a", offset, work)
        again = executor.enqueue("a", 4, work, is_redelivered=True)
        other = executor.enqueue("b", 1, work)
        await first
        await again
        await other
        assert done == [True] * 3
        await executor.enqueue("a", 2, work)
