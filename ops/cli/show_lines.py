"""The output of `vidsignal show` for people, as sections of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.cli.modality_lines import modality_lines
from ops.cli.plain_values import moment, plain_value, status_words, unix_moment
from ops.cli.verdict_lines import describe_cost, describe_label, describe_texts, describe_verdict
from ops.cli.warning_lines import describe_warnings
from schemas.counted import counted
from schemas.engagement import Engagement
from schemas.evidence import TextFound
from schemas.outcomes import Verdict
from streams.store.readers import VideoReading

COUNTED_IN_WHAT_WAS_SEEN = ("motion.num_shots", "motion.cut_times_seconds", "motion.transitions")
"""Features that may be lower bounds."""
_TEXT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Section:
    """A title, the text after it, and the lines below."""

    title: str
    rest: str = ""
    lines: tuple[str, ...] = ()


def sections(video_id: str, reading: VideoReading, texts: Sequence[TextFound] = ()) -> Iterable[Section]:
    """Yield everything that is known of a video, the shortest answer first."""
    yield Section(
        video_id,
        "  " + "  ".join(status_words(reading.status)),
        (*describe_warnings(reading.warnings), *gap_lines(reading)),
    )
    if reading.verdict is None:
        yield Section("no verdict yet")
        return
    yield from _verdict(reading.verdict)
    if texts:
        lines = describe_texts(texts, limit=len(texts), characters=_TEXT_CHARACTERS)
        yield Section("texts", lines=tuple(f"  {line}" for line in lines))
    yield Section("features", lines=tuple(_features(reading)))
    yield Section("embeddings", lines=tuple(_embeddings(reading)))
    if reading.engagement is not None:
        yield _engagement(reading.engagement)


def gap_lines(reading: VideoReading) -> list[str]:
    """Return why the reading is incomplete; usually empty."""
    lines = []
    if "gap" in reading.status:
        since = unix_moment(reading.status.get("gap_since_unix_seconds", ""))
        lines.append(
            f"facts of this video wait since {since}: {reading.status['gap']}. What is decided stands "
            "until they are folded again from the log; see docs/alerts.md, VidsignalVideosInGap"
        )
    if reading.unreadable:
        lines.append(
            f"cannot be read in Redis: {', '.join(reading.unreadable)}. `vidsignal audit --repair` writes it again"
        )
    return lines


def _verdict(verdict: Verdict) -> Iterable[Section]:
    version = verdict.version
    market = f"market {verdict.market}" if verdict.market else "no market"
    generation = f" of generation {version.generation}" if version.generation else ""
    place = f"revision {version.revision}, decided at offset {version.offset} of the log{generation}"
    lines = f"  {describe_verdict(verdict)}", f"  policy {verdict.policy}, {market}, {place}"
    yield Section("verdict", lines=lines)
    yield Section("reasons", lines=tuple(f"  {reason.action:7} {reason.words}" for reason in verdict.reasons))
    yield Section("evidence", lines=tuple(f"  {describe_label(label)}  ({label.model})" for label in verdict.labels))
    yield Section("modalities", lines=tuple(f"  {line}" for line in modality_lines(verdict.modalities)))
    decodes = counted(verdict.cost.num_decodes, "decode")
    yield Section("receipt", f"  {describe_cost(verdict)}, {decodes}")


def _features(reading: VideoReading) -> Iterable[str]:
    for name, feature in sorted(reading.features.items()):
        origin = f"({feature.model}, {moment(feature.event_unix_seconds)})"
        yield f"  {name:28} {plain_value(feature.value)}{_limit(reading, name)}  {origin}"


def _limit(reading: VideoReading, name: str) -> str:
    """Return what was not analysed, in addition to what the other lines contain."""
    observed = reading.features.get("motion.observed_ratio")
    if name not in COUNTED_IN_WHAT_WAS_SEEN or observed is None or observed.value >= 1.0:
        return ""
    return f", at least: {observed.value:.0%} of the video was looked at"


def _embeddings(reading: VideoReading) -> Iterable[str]:
    for space, embedding in sorted(reading.embeddings.items()):
        yield f"  {space:28} {counted(embedding.dimensions, 'number')}  ({embedding.model})"


def _engagement(engagement: Engagement) -> Section:
    counts = "  ".join(f"{kind} {number}" for kind, number in engagement.counts.items())
    rates = "  ".join(f"{rate} {value:.3f}" for rate, value in engagement.rates.items())
    watched = f"  {counts}  watched {engagement.watch_seconds:.0f} s"
    return Section(
        "engagement", f" until {moment(engagement.as_of_unix_seconds)}", (watched, f"  with a prior: {rates}")
    )
