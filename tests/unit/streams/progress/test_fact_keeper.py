"""What is shown of the broker's words, and what is taken off when they are too old."""

from __future__ import annotations

from prometheus_client import REGISTRY

from streams.progress.broker_facts import FactsUnknown, GroupFacts, OffsetsUnavailable, PartitionFacts
from streams.progress.fact_keeper import FactKeeper

TOPIC = "video.signals"


def shown(name: str, role: str, partition: int) -> float | None:
    labels = {"role": role, "topic": TOPIC, "partition": str(partition)}
    return REGISTRY.get_sample_value(name, labels)


def known(role: str) -> float | None:
    return REGISTRY.get_sample_value("vidsignal_broker_offsets_known", {"role": role})


def facts(*numbers: int, committed: int | None = 3) -> GroupFacts:
    return GroupFacts(True, True, {(TOPIC, number): PartitionFacts(committed, 0, 5) for number in numbers})


class TestSeries:
    def test_each_assigned_partition_has_its_series(self) -> None:
        """Lag or not, from the first answer on; one that another worker has is taken off."""
        keeper = FactKeeper("keeper-1", 15)
        assert known("keeper-1") == 0
        keeper.hear(facts(0, 1))
        assert [shown("vidsignal_consumer_lag", "keeper-1", number) for number in (0, 1)] == [2, 2]
        assert shown("vidsignal_committed_offset", "keeper-1", 0) == 3
        assert known("keeper-1") == 1
        keeper.hear(facts(1))
        assert shown("vidsignal_consumer_lag", "keeper-1", 0) is None
        assert shown("vidsignal_committed_offset", "keeper-1", 0) is None

    def test_unknown_has_no_value(self) -> None:
        """Neither 0 nor the last one: no series, and a metric of its own reports it."""
        keeper = FactKeeper("keeper-2", 15)
        keeper.hear(facts(0))
        keeper.look(15)
        assert known("keeper-2") == 1
        keeper.look(1)
        assert keeper.facts is None
        assert (known("keeper-2"), shown("vidsignal_consumer_lag", "keeper-2", 0)) == (0, None)

    def test_a_partition_without_a_commit_has_a_lag_and_no_offset(self) -> None:
        """It is behind from the start of its log."""
        keeper = FactKeeper("keeper-3", 15)
        keeper.hear(facts(0, committed=None))
        assert shown("vidsignal_consumer_lag", "keeper-3", 0) == 5
        assert shown("vidsignal_committed_offset", "keeper-3", 0) is None


class TestReasons:
    def test_a_rebalance_tells_nothing_new(self) -> None:
        """The answer before counts on, for its time."""
        keeper = FactKeeper("keeper-4", 15)
        keeper.hear(facts(0))
        keeper.hear(GroupFacts(False, True, {}))
        assert (keeper.is_settled, keeper.facts) == (False, facts(0))

    def test_unavailable_and_unknown_are_told_apart(self) -> None:
        """One is waited for, the other may last."""
        keeper = FactKeeper("keeper-5", 15)
        keeper.miss(OffsetsUnavailable("away"))
        assert keeper.is_broker_unavailable
        keeper.miss(FactsUnknown("it does not know the question"))
        assert not keeper.is_broker_unavailable
