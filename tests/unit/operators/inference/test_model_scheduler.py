"""Models of one device take turns."""

from __future__ import annotations

from dataclasses import dataclass

from operators.inference.model_scheduler import ModelScheduler
from operators.inference.request_context import Lane


@dataclass
class Line:
    name: str
    live: float | None = None
    backfill: float | None = None

    def oldest_seconds(self, lane: Lane) -> float | None:
        return self.live if lane == "live" else self.backfill


class TestTurnPolicy:
    def test_nothing_waits(self) -> None:
        """Without waiting items nobody has the turn."""
        assert ModelScheduler().next_queue([Line("a"), Line("b")]) is None

    def test_the_oldest_item_gives_the_turn(self) -> None:
        """The model whose live item waits longest runs next."""
        lines = [Line("a", live=3.0), Line("b", live=2.0), Line("c")]
        assert ModelScheduler().next_queue(lines) is lines[1]

    def test_live_goes_before_older_backfill(self) -> None:
        """A backlog of backfill on one model holds up no live item of another."""
        lines = [Line("a", backfill=1.0), Line("b", live=9.0)]
        assert ModelScheduler().next_queue(lines) is lines[1]

    def test_one_turn_in_eight_goes_by_age(self) -> None:
        """A model that only backfill waits for gets every eighth turn under endless live load."""
        turns, lines = ModelScheduler(), [Line("a", backfill=1.0), Line("b", live=9.0)]
        served = [line.name for _ in range(8) if (line := turns.next_queue(lines))]
        assert served == ["b"] * 7 + ["a"]
