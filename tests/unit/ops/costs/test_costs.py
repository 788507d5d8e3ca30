"""Roll-ups of receipts: every grouping adds up to the same total, and nothing counts twice."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ops.costs.pieces import (
    NO_MODEL,
    NOT_SAID,
    SHARED_DECODE,
    Grouping,
    Owner,
    Piece,
    distinct_signals,
    owners_of,
    pieces_of,
)
from ops.costs.plot import plot_costs
from ops.costs.roll_up import RollUp, roll_up
from ops.costs.since import since_unix_seconds
from ops.plots import NoPlots
from schemas.facts import Fact, Signal
from schemas.receipts import DecodeReceipt, MeasuredPower, ModelReceipt, Receipt
from streams.decision.cost import Prices, price
from tests.sample_facts import accepted, decode_receipt, failed_signal, signal

PRICES = Prices(usd_per_cpu_hour=3600.0, usd_per_device_hour=7200.0, watts_per_cpu_core=10.0, watts_per_device=100.0)
"""A dollar a core second, two a device second."""
GROUPINGS: tuple[Grouping, ...] = ("market", "creator", "modality", "model", "stage")


def receipt(decode: DecodeReceipt | None = None, **fields: object) -> Receipt:
    values = {
        "device_seconds": 2.0,
        "device_cpu_seconds": 1.0,
        "cpu_seconds": 0.5,
        "overhead_cpu_seconds": 0.25,
        "items": 4,
        "batch_items_mean": 8.0,
        "models": {
            "one": ModelReceipt(items=3, device_seconds=1.5, cpu_seconds=0.75),
            "two": ModelReceipt(items=1, device_seconds=0.5, cpu_seconds=0.25),
        },
    }
    return Receipt(decode=decode, **{**values, **fields})  # type: ignore[arg-type]


def decoded(name: str) -> DecodeReceipt:
    found = decode_receipt(name, cpu_seconds=3.0)
    return msgspec.structs.replace(found, index_cpu_seconds=0.5, fetch_cpu_seconds=0.125)


def log() -> list[Fact]:
    """Two videos of two creators, one of which shares its decode among two signals."""
    return [
        accepted(video_id="a", market="DE", creator_id="ann"),
        accepted(video_id="b", market=None, creator_id="bob"),
        signal("frames", video_id="a", receipt=receipt(decoded("d-a"))),
        signal("audio", video_id="a", receipt=receipt(decoded("d-a"))),
        signal("context", video_id="b", receipt=receipt(device_seconds=0.0, device_cpu_seconds=0.0, models={})),
        failed_signal("frames", video_id="b"),
    ]


def pieces(facts: Iterable[Fact] | None = None) -> list[Piece]:
    facts = list(facts if facts is not None else log())
    return list(pieces_of(distinct_signals(facts), owners_of(facts), PRICES))


def groups(grouping: Grouping) -> dict[str, float]:
    return {each.name: each.cpu_seconds for each in roll_up(pieces(), grouping).groups}


class TestRollUp:
    @pytest.mark.parametrize("grouping", GROUPINGS)
    def test_every_grouping_adds_up_to_the_same(self, grouping: Grouping) -> None:
        """Three signals of 0.75 s next to the device, two of 1 s on it, and one decode of 3.125 s."""
        found = roll_up(pieces(), grouping)
        assert found.total.cpu_seconds == pytest.approx(3 * 0.75 + 2 * 1.0 + 3.125)
        for name in ("cpu_seconds", "device_seconds", "usd", "joules", "bytes_read"):
            whole = getattr(found.total, name)
            assert math.fsum(getattr(each, name) for each in found.groups) == pytest.approx(whole), name
        assert sum(found.total.usd_by_stage.values()) == pytest.approx(found.total.usd)

    def test_costs_are_the_verdicts(self) -> None:
        """Where all signals won, the log says what the verdicts said."""
        signals = [fact for fact in log() if isinstance(fact, Signal)]
        costs = [price([each for each in signals if each.video_id == name], PRICES) for name in ("a", "b")]
        found = roll_up(pieces(), "market").total
        assert found.usd == pytest.approx(sum(cost.usd for cost in costs))
        assert found.joules == pytest.approx(sum(cost.joules for cost in costs))
        assert found.bytes_read == sum(cost.bytes_read for cost in costs) == 1000

    def test_by_market_and_creator(self) -> None:
        """The acceptance says whose video it is; what it does not say is a group of its own."""
        assert groups("market") == pytest.approx({"DE": 6.625, NOT_SAID: 0.75})
        assert groups("creator") == pytest.approx({"ann": 6.625, "bob": 0.75})

    def test_by_modality_the_shared_decode_stands_apart(self) -> None:
        """It belongs to no one modality, and splitting it would say that one without the others cost less."""
        assert groups("modality") == pytest.approx(
            {SHARED_DECODE: 3.125, "frames": 1.75, "audio": 1.75, "context": 0.75}
        )

    def test_by_model_and_by_stage(self) -> None:
        """Models have what their items took; the rest is no model's."""
        assert groups("model") == pytest.approx({"one": 1.5, "two": 0.5, NO_MODEL: 5.375})
        assert groups("stage") == pytest.approx(
            {"fetch": 0.125, "index": 0.5, "decode": 2.5, "operators": 1.5, "device": 2.0, "overhead": 0.75}
        )

    def test_a_replayed_signal_counts_once(self) -> None:
        """A replay publishes the same signal again and computes nothing."""
        once = log()
        assert roll_up(pieces([*once, *once]), "stage") == roll_up(pieces(once), "stage")

    def test_receipts_of_earlier_releases_count(self) -> None:
        """They name no models and did not measure the device's threads: one core as long as it worked."""
        old = signal("frames", receipt=Receipt(device_seconds=2.0, cpu_seconds=1.0))
        found = roll_up(pieces([old]), "model")
        assert [(each.name, each.cpu_seconds, each.usd) for each in found.groups] == [(NO_MODEL, 3.0, 7.0)]

    def test_joules_by_meters_are_told_apart(self) -> None:
        """What a meter said is not modelled; the others are."""
        measured = MeasuredPower(watts_per_cpu_core=20.0, watts_per_device=50.0)
        facts = [
            signal("frames", receipt=receipt(power=measured)),
            signal("audio", receipt=receipt()),
        ]
        found = roll_up(pieces(facts), "modality")
        assert {each.name: each.joules for each in found.groups} == pytest.approx(
            {"frames": 1.75 * 20.0 + 2.0 * 50.0, "audio": 1.75 * 10.0 + 2.0 * 100.0}
        )
        assert found.modelled_joules == pytest.approx(1.75 * 10.0 + 2.0 * 100.0)

    def test_an_empty_log(self) -> None:
        """Nothing was analysed yet."""
        found = roll_up([], "stage")
        assert (found.total.num_videos, found.total.usd, found.per_video(found.total.usd)) == (0, 0.0, 0.0)


class TestSince:
    def test_older_signals_are_left_out(self) -> None:
        """By the moment that a signal was made."""
        old = msgspec.structs.replace(signal("frames"), produced_unix_seconds=100.0)
        new = msgspec.structs.replace(signal("audio"), produced_unix_seconds=200.0)
        assert [each.modality for each in distinct_signals([old, new], 150.0)] == ["audio"]

    def test_lengths_and_moments(self) -> None:
        """Both ways to say it; a moment without a zone is UTC."""
        noon = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
        assert since_unix_seconds("90m", noon) == noon - 5_400
        assert since_unix_seconds("2026-11-01T12:00", 0.0) == noon
        assert since_unix_seconds("2026-11-01T13:00+01:00", 0.0) == noon

    @pytest.mark.parametrize("text", ["yesterday", "1w", "", "-1h"])
    def test_what_is_neither_is_refused(self, text: str) -> None:
        """The message names the value and what is allowed."""
        with pytest.raises(ValueError, match="allowed: a length such as 30m"):
            since_unix_seconds(text, 0.0)


class TestPlot:
    def found(self) -> RollUp:
        return roll_up(pieces(), "modality")

    def test_svg_shows_every_group_and_stage(self, tmp_path: Path) -> None:
        """Groups, stages and the unit are in the picture."""
        path = tmp_path / "costs.svg"
        plot_costs(self.found(), path)
        text = path.read_text(encoding="utf-8")
        for word in ("frames", "audio", SHARED_DECODE, "decode", "device", "overhead", "a million videos"):
            assert word in text, word

    def test_names_of_any_length_and_number_are_drawn(self, tmp_path: Path) -> None:
        """Creators are many, and their names are theirs."""
        facts: list[Fact] = []
        for number in range(40):
            name = f"v{number}"
            creator = "a very long name that begins alike " * 3 + str(number)
            facts += [accepted(video_id=name, creator_id=creator), signal("frames", video_id=name, receipt=receipt())]
        path = tmp_path / "costs.png"
        plot_costs(roll_up(pieces(facts), "creator"), path)
        assert path.read_bytes().startswith(b"\x89PNG")

    def test_without_the_library_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The library is an extra: most who read costs want the table."""
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(NoPlots, match=r"vidsignal\[plots\]"):
            plot_costs(self.found(), tmp_path / "costs.svg")


class TestOwners:
    def test_the_last_acceptance_says_whose_it_is(self) -> None:
        """A new revision may name another market."""
        facts = [accepted(1, video_id="a", market="DE"), accepted(2, video_id="a", market="FR")]
        assert owners_of(facts)["a"] == Owner("FR", "creator-1")


class TestTokens:
    def test_are_priced_once(self) -> None:
        """Tokens of language models cost what the price table says, on a verdict and in every grouping alike; they are
        no time of a device of ours."""
        prices = prices_of_tokens()
        there = ModelReceipt(
            items=1, device_seconds=0.0, cpu_seconds=0.0, input_tokens=2_000_000, output_tokens=500_000
        )
        facts = [
            accepted(video_id="a", market="DE", creator_id="ann"),
            signal("frames", video_id="a", receipt=Receipt(device_cpu_seconds=0.0, models={"judge": there})),
        ]
        cost = price([fact for fact in facts if isinstance(fact, Signal)], prices)
        assert (cost.input_tokens, cost.output_tokens, cost.device_seconds) == (2_000_000, 500_000, 0.0)
        assert cost.usd == pytest.approx(2 * 0.5 + 0.5 * 4.0)
        (piece,) = pieces_of(distinct_signals(facts), owners_of(facts), prices)
        assert (piece.names["model"], piece.usd) == ("judge", pytest.approx(cost.usd))


def prices_of_tokens() -> Prices:
    """Half a dollar for a million tokens read, four for a million written, and nothing else."""
    return Prices(0.0, 0.0, 0.0, 0.0, usd_per_million_input_tokens=0.5, usd_per_million_output_tokens=4.0)
