"""From the evidence of all modalities to evidence of what they show together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from operators.fusion.fusion_rule import FusionRule, fused_score
from schemas.evidence import SHADOW, FusedPart, LabelEvidence, Segment
from schemas.identity import Modality

FUSION = "fusion"
"""Name in `name@version` of fused evidence; the version is that of its rule."""
MAX_SEGMENTS = 50
"""Maximum number per label, the strongest."""

Said = tuple[Modality, LabelEvidence]
"""Evidence, and the modality that it is from."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the sources say at one time of the video."""

    score: float
    parts: tuple[FusedPart, ...]
    segment: Segment | None
    """None if no source has a time."""


def fused_evidence(rules: Iterable[FusionRule], said: Iterable[Said]) -> tuple[LabelEvidence, ...]:
    """Return evidence of every rule whose groups all have evidence.

    A pure function: equal evidence, in whatever order, gives equal results.

    Args:
        rules: at most one of each label and version.
        said: evidence of models, not of rules; what is held back from decisions does not count.
    """
    known = sorted((each for each in said if each[1].held_back is UNSET), key=_order)
    return tuple(evidence for rule in rules for evidence in _evidence(rule, known))


def _order(said: Said) -> tuple[str, str, str, float]:
    modality, item = said
    return modality, item.label, item.model, -item.score


def _evidence(rule: FusionRule, known: Sequence[Said]) -> Iterator[LabelEvidence]:
    sources = [(modality, item) for modality, item in known if item.label in rule.sources]
    moments = [moment for anchor in _anchors(rule, sources) if (moment := _moment(rule, sources, anchor)) is not None]
    if moments:
        moments.sort(key=lambda moment: -moment.score)
        yield LabelEvidence(
            label=rule.label,
            score=moments[0].score,
            model=f"{FUSION}@{rule.version}",
            segments=tuple(moment.segment for moment in moments if moment.segment is not None)[:MAX_SEGMENTS],
            uncalibrated=UNSET if rule.head else True,
            held_back=SHADOW if rule.is_shadow else UNSET,
            fused_from=moments[0].parts,
        )


def _anchors(rule: FusionRule, sources: Sequence[Said]) -> list[Segment | None]:
    """Return the times that are looked at: where a source has a segment; None for the whole video."""
    if rule.within_seconds is None:
        return [None]
    times = {
        (segment.start_seconds, segment.end_seconds): segment
        for _, item in sources
        for segment in item.segments
        if segment.score >= rule.least_score
    }
    return [times[time] for time in sorted(times)] or [None]


def _moment(rule: FusionRule, sources: Sequence[Said], anchor: Segment | None) -> _Moment | None:
    parts: dict[str, FusedPart] = {}
    for modality, item in sources:
        score = _score_near(item, anchor, rule.within_seconds)
        if score >= rule.least_score and (item.label not in parts or score > parts[item.label].score):
            parts[item.label] = FusedPart(modality=modality, label=item.label, model=item.model, score=score)
    fused = fused_score(rule, {label: part.score for label, part in parts.items()})
    if fused is None:
        return None
    segment = anchor and Segment(start_seconds=anchor.start_seconds, end_seconds=anchor.end_seconds, score=fused)
    return _Moment(fused, tuple(parts.values()), segment)


def _score_near(item: LabelEvidence, anchor: Segment | None, within_seconds: float | None) -> float:
    """Return the evidence's highest score near a time; its score if it has no time."""
    if anchor is None or within_seconds is None or not item.segments:
        return item.score
    near = (segment.score for segment in item.segments if _gap_seconds(segment, anchor) <= within_seconds)
    return max(near, default=0.0)


def _gap_seconds(first: Segment, second: Segment) -> float:
    return max(0.0, first.start_seconds - second.end_seconds, second.start_seconds - first.end_seconds)
