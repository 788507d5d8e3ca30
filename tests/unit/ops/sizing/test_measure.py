"""From what was timed to figures: neighbours are reckoned out, latencies are split into work and the rest."""

from __future__ import annotations

import pytest

from ops.bench.competitors import Run
from ops.sizing.measure import Load, _line


class TestLoad:
    def test_a_quiet_machine(self) -> None:
        """Nine of ten seconds of two cores, nobody else there."""
        assert Load(Run(10, 10.0, 18.0), 0.02, others_cores=0.0).busy_ratio(2) == pytest.approx(0.9)

    def test_what_others_took_does_not_count(self) -> None:
        """The same share of half of the machine."""
        assert Load(Run(5, 10.0, 9.0), 0.02, others_cores=1.0).busy_ratio(2) == pytest.approx(0.9)

    def test_never_more_than_all(self) -> None:
        """Clocks of processes and of the machine do not agree to the last tick."""
        assert Load(Run(5, 10.0, 9.0), 0.02, others_cores=1.5).busy_ratio(2) == 1.0
        assert Load(Run(5, 10.0, 9.0), 0.02, others_cores=2.1).busy_ratio(2) == 1.0


class TestLine:
    def test_splits_latency_into_work_and_the_rest(self) -> None:
        """A tenth of a second next to work that keeps one and a half cores busy."""
        work = [0.3, 0.6, 1.5, 3.0]
        beside, cores = _line(work, [0.1 + each / 1.5 for each in work], 2)
        assert (beside, cores) == (pytest.approx(0.1), pytest.approx(1.5))

    def test_stays_within_what_a_machine_can_do(self) -> None:
        """Noise may say that longer videos were faster, or that there were more cores than there are."""
        assert _line([1.0, 2.0], [3.0, 2.0], 2)[1] == 2.0
        assert _line([1.0, 2.0], [1.0, 1.1], 2)[1] == 2.0
        assert _line([1.0, 2.0], [0.5, 2.0], 2)[0] == 0.0
