"""The part `judge` of a policy file: about which labels a chat model is asked, and what its answers may cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

from operators.drawn_videos import is_drawn
from schemas.evidence import JUDGE, AskedFor, JudgeAnswer, LabelEvidence
from schemas.labels import LABELS
from streams.decision.policy_checks import choice_at, count_at, mapping_at, object_at, ratio_at, refuse

JudgeEffect = Literal["review", "none"]
JUDGE_EFFECTS: Final[tuple[JudgeEffect, ...]] = ("review", "none")
MAX_LABELS: Final = 16
_KEYS: Final = ("version", "bands", "random_ratio", "effect")
_BAND_KEYS: Final = ("from", "to")


@dataclass(frozen=True, slots=True)
class JudgeRule:
    """Whom a chat model is asked about."""

    version: int
    """That its evidence names."""
    bands: Mapping[str, tuple[float, float]]
    """Lowest and highest uncertain score by level-3 label, both included."""
    random_ratio: float = 0.0
    """Share of videos, by a hash of the id, of which it is asked about all these labels, whatever they scored."""
    effect: JudgeEffect = "review"
    """What a yes about a label in its band causes. No answer ever makes an action milder."""

    def asked(self, video_id: str, scores: Mapping[str, float]) -> dict[str, AskedFor]:
        """Return the labels to ask about, and why.

        Args:
            video_id: of the video.
            scores: of labels that have evidence; others scored 0.
        """
        is_random = self.is_drawn(video_id)
        found: dict[str, AskedFor] = {}
        for label, (low, high) in self.bands.items():
            if label in scores and low <= scores[label] <= high:
                found[label] = "band"
            elif is_random:
                found[label] = "random"
        return found

    def is_drawn(self, video_id: str) -> bool:
        """Return whether a video belongs to the random share; every analysis of it says the same."""
        return is_drawn("judge", video_id, self.random_ratio)

    def acts(self, item: LabelEvidence) -> bool:
        """Return whether evidence of this judge requires a review."""
        if not isinstance(item.judgement, JudgeAnswer) or self.effect != "review":
            return False
        said = (item.judgement.answer, item.judgement.asked_for)
        return said == ("yes", "band") and item.label in self.bands and item.model == f"{JUDGE}@{self.version}"


def judge_rule(place: str, found: object) -> JudgeRule:
    """Validate the part. Raises InvalidPolicy."""
    item = object_at(place, found, _KEYS, required=("version", "bands"))
    bands = mapping_at(f"{place}.bands", item["bands"])
    if not 1 <= len(bands) <= MAX_LABELS:
        refuse(f"{place}.bands", len(bands), f"1 to {MAX_LABELS} labels")
    return JudgeRule(
        version=count_at(f"{place}.version", item["version"]),
        bands={
            choice_at(f"a key of {place}.bands", label, LABELS): _band(f"{place}.bands.{label}", band)
            for label, band in bands.items()
        },
        random_ratio=ratio_at(f"{place}.random_ratio", item.get("random_ratio", 0.0)),
        effect=cast("JudgeEffect", choice_at(f"{place}.effect", item.get("effect", "review"), JUDGE_EFFECTS)),
    )


def _band(place: str, found: object) -> tuple[float, float]:
    item = object_at(place, found, _BAND_KEYS, required=_BAND_KEYS)
    low, high = ratio_at(f"{place}.from", item["from"]), ratio_at(f"{place}.to", item["to"])
    return (low, high) if low <= high else refuse(f"{place}.to", high, f"at least {low:g}, where the band begins")


def meanings_of(labels: Iterable[str]) -> dict[str, str]:
    """Return what labels mean, as a chat model is asked."""
    return {label: LABELS.get(label, label) for label in labels}
