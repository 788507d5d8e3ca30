"""Time in which a role's threads waited for a core does not count."""

from __future__ import annotations

import threading

import pytest

from streams.progress.cpu_share import CpuShare, run_delay_seconds


class TestCpuShare:
    def test_the_thread_that_waited_longest_decides(self) -> None:
        """Of two seconds one thread waited half a second, the other one and a half."""
        delays = {1: 10.0, 2: 20.0}
        share = CpuShare(delays.get)
        assert share.since_last((1, 2), 2.0) == 1.0
        delays.update({1: 10.5, 2: 21.5})
        assert share.since_last((1, 2), 2.0) == pytest.approx(0.25)

    def test_more_wait_than_time_is_no_share(self) -> None:
        """Readings of two clocks differ a little."""
        delays = {1: 0.0}
        share = CpuShare(delays.get)
        share.since_last((1,), 1.0)
        delays[1] = 1.2
        assert share.since_last((1,), 1.0) == 0.0

    def test_where_nobody_knows_all_of_it_counts(self) -> None:
        """On another system, or of a thread that has ended."""
        assert CpuShare(lambda _thread: None).since_last((1,), 1.0) == 1.0
        assert CpuShare().since_last((), 1.0) == 1.0

    def test_the_kernel_tells_of_this_thread(self) -> None:
        """On Linux; no thread has waited less than nothing."""
        delay = run_delay_seconds(threading.get_native_id())
        assert delay is not None and delay >= 0
        assert run_delay_seconds(-1) is None
