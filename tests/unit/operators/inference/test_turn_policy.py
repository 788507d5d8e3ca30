"""Models of one device take turns."""

from __future__ import annotations

from dataclasses import dataclass

from operators.inference.ticket import Lane
from operators.inference.turn_policy import TurnPolicy


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
        assert TurnPolicy().next_line([Line("a"), Line("b")]) is None

    def test_the_oldest_item_gives_the_turn(self) -> None:
        """The model whose live item waits longest runs next."""
        lines = [Line("a", live=3.0), Line("b", live=2.0), Line("c")]
        assert TurnPolicy().next_line(lines) is lines[1]

    def test_live_goes_before_older_backfill(self) -> None:
        """A backlog of backfill on one model holds up no live item of another."""
        lines = [Line("a", backfill=1.0), Line("b", live=9.0)]
        assert TurnPolicy().next_line(lines) is lines[1]

    def test_one_turn_in_eight_goes_by_age(self) -> None:
        """A model that only backfill waits for gets every eighth turn under endless live load."""
        turns, lines = TurnPolicy(), [Line("a", backfill=1.0), Line("b", live=9.0)]
        served = [line.name for _ in range(8) if (line := turns.next_line(lines))]
        assert served == ["b"] * 7 + ["a"]
