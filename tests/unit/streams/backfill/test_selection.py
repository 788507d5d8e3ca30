"""Which past uploads are sent again, and why others are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from models.card_registry import CARDS
from schemas.facts import Signal
from schemas.identity import MODALITIES, Modality
from streams.backfill.current_versions import Present, UnknownModel, asked_versions, present_versions
from streams.backfill.jobs import JobFilter
from streams.backfill.selection import Reason, Stored, skip_reason
from streams.config.settings import read_settings
from streams.decision.state import VideoState
from tests.sample_facts import accepted, failed_signal, signal

PRESENT = present_versions(read_settings())
MODEL = "efficientnet-lite0"


def made_now(modality: Modality) -> Signal:
    return signal(modality, generation=PRESENT[modality].generation, models=dict(PRESENT[modality].models))


def made_before(modality: Modality, **models: str) -> Signal:
    known = {**PRESENT[modality].models, **models}
    return signal(modality, generation=PRESENT[modality].generation - 1, models=known)


def state(revision: int = 1, **signals: Signal) -> VideoState:
    found: dict[Any, Signal] = {modality: made_now(modality) for modality in MODALITIES} | signals
    return VideoState(log_generation=0, applied_offset=9, accepted=accepted(revision), signals=found)


def without(modality: Modality) -> VideoState:
    found = {name: made_now(name) for name in MODALITIES if name != modality}
    return VideoState(log_generation=0, applied_offset=9, accepted=accepted(), signals=found)


def asked(**fields: Any) -> JobFilter:
    return JobFilter(since_unix_seconds=0.0, **fields)


def judged(stored: Stored, versions: Mapping[Modality, Present] = PRESENT, **fields: Any) -> Reason | None:
    return skip_reason(1, stored, asked(**fields), versions)


class TestReasons:
    @pytest.mark.parametrize(
        ("stored", "reason"),
        [
            (Stored(forgotten_revision=1), "forgotten"),
            (Stored(VideoState(log_generation=0, applied_offset=1, forgotten_revision=2)), "forgotten"),
            (Stored(state(), newest_revision=2), "superseded"),
            (Stored(state(2)), "superseded"),
            (Stored(VideoState(log_generation=0, applied_offset=1, sealed_revision=1)), "sealed"),
            (Stored(without("audio")), "unfinished"),
            (Stored(VideoState(log_generation=0, applied_offset=1)), "unfinished"),
            (Stored(state(), newest_revision=1), "up-to-date"),
        ],
    )
    def test_why_not(self, stored: Stored, reason: Reason) -> None:
        """Deleted, replaced, rebuilt, still in work and up to date: each is told apart."""
        assert judged(stored) == reason

    def test_a_video_without_a_state_is_sent(self) -> None:
        """The store may have lost it; the backfill role says `accepted` once more."""
        assert judged(Stored()) is None

    def test_every_leaves_only_what_cannot_be_sent(self) -> None:
        """What is up to date or unfinished is sent when somebody insists; what is forgotten never is."""
        found = [judged(stored, is_every=True) for stored in (Stored(state()), Stored(without("audio")))]
        assert [*found, judged(Stored(state(), forgotten_revision=1), is_every=True)] == [None, None, "forgotten"]


class TestVersions:
    @pytest.mark.parametrize("modality", MODALITIES)
    def test_older_results_are_sent(self, modality: Modality) -> None:
        """One modality of another generation is enough."""
        assert judged(Stored(state(**{modality: made_before(modality)}))) is None

    def test_a_failed_signal_goes_by_its_generation(self) -> None:
        """It names no models: one of the present build is not tried again, an older one is."""
        now = failed_signal("frames", generation=PRESENT["frames"].generation)
        before = failed_signal("frames", generation=PRESENT["frames"].generation - 1)
        assert [judged(Stored(state(frames=each))) for each in (now, before)] == ["up-to-date", None]

    def test_a_model_asks_for_its_own_results_alone(self) -> None:
        """Other code or another model of the same modality is no reason."""
        versions = asked_versions(asked(model=MODEL), read_settings())
        old = made_before("frames", **{MODEL: f"{MODEL}@0.0.1:abc"})
        other = made_before("frames", opennsfw="opennsfw@0.0.1:abc")
        audio = made_before("audio")
        found = [judged(Stored(state(**{each.modality: each})), versions, model=MODEL) for each in (old, other, audio)]
        assert found == [None, "up-to-date", "up-to-date"]

    def test_a_space_asks_for_its_missing_members(self) -> None:
        """Anyone who has a vector is through, whatever made it."""
        space = CARDS[MODEL].embedding_space
        stored = [Stored(state(), is_in_space=is_in) for is_in in (True, False)]
        assert [judged(each, space=space) for each in stored] == ["up-to-date", None]

    @pytest.mark.parametrize("fields", [{"model": "no-model"}, {"space": "no-space/3"}])
    def test_unknown_names_are_refused(self, fields: dict[str, str]) -> None:
        """The message quotes the name and lists those that there are."""
        with pytest.raises(UnknownModel, match=f"'{next(iter(fields.values()))}'.*there are .*{MODEL}"):
            asked_versions(asked(**fields), read_settings())
