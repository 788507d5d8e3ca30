"""What `bench recovery` makes of the times at which uploads were published and decided."""

from __future__ import annotations

import pytest

from ops.bench.steady_uploads import SteadyUploads
from streams.config.settings import read_settings


@pytest.fixture
def uploads() -> SteadyUploads:
    """Two partitions: the first is decided all the time, the second stands still from 2 to 8."""
    found = SteadyUploads(read_settings(kafka_bootstrap_servers="127.0.0.1:1"), partitions=2, interval_seconds=1.0)
    for second in range(10):
        for partition in (0, 1):
            name = f"{partition}-{second}"
            found.uploaded[name] = float(second)
            found.partition[name] = partition
            found.decided[name] = second + 0.5 if partition == 0 else max(8.0, second + 0.5)
    for second in (0, 1):
        found.decided[f"1-{second}"] = second + 0.5
    return found


class TestSteadyUploads:
    def test_verdicts_flow_again_with_one_of_a_later_upload(self, uploads: SteadyUploads) -> None:
        """What was uploaded before says nothing about who decides now."""
        assert uploads.flows_again_seconds(0, 2.0) == 0.5
        assert uploads.flows_again_seconds(1, 2.0) == 6.0

    def test_a_stop_is_the_longest_time_without_a_verdict(self, uploads: SteadyUploads) -> None:
        """Its partition's own; the ends of the watched time bound it."""
        assert uploads.longest_stop_seconds(0, 2.0, 9.0) == 1.0
        assert uploads.longest_stop_seconds(1, 1.5, 9.0) == 6.5

    def test_a_partition_that_never_decides_stops_for_all_the_time(self, uploads: SteadyUploads) -> None:
        """A stop that does not end is not overlooked."""
        assert uploads.longest_stop_seconds(1, 2.0, 7.0) == 5.0

    def test_the_late_are_counted_by_when_they_were_uploaded(self, uploads: SteadyUploads) -> None:
        """Of ten uploads from 2 to 7, those of the second partition that waited for longer than two seconds."""
        assert uploads.late_share(2.0, 7.0, 2.0) == 0.4

    def test_names_fall_into_their_partitions(self, uploads: SteadyUploads) -> None:
        """No two are the same, and each partition has as many as are asked for."""
        names = [next(source) for source in uploads._names for _ in range(20)]
        assert len(set(names)) == 40
