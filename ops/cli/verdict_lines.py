"""Facts and verdicts as text, one line each; evidence with times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops.cli.deletion_lines import describe_place
from ops.cli.modality_lines import ABSENT, absent_words
from ops.cli.warning_lines import describe_warnings
from schemas.counted import counted
from schemas.evidence import JudgeAnswer, LabelEvidence, SecondLook, TextFound
from schemas.facts import Accepted, DeadlinePassed, Deleted, Fact, PolicyChanged, Review, Signal
from schemas.near_names import one_line
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from schemas.receipts import Cost, CpuStage


def describe_fact(fact: Fact) -> str:
    """Return one line for one record of the log."""
    head = f"{fact.video_id}"
    match fact:
        case Accepted():
            said = f"{head}  accepted revision {fact.revision}, waits for {', '.join(fact.expected)}"
            return "\n".join((said, *(f"{head}  {line}" for line in describe_warnings(fact.warnings))))
        case Signal(status="failed", failure=failure) if failure is not None:
            return f"{head}  {fact.modality} failed: {failure.cause}: {failure.message}"
        case Signal():
            return f"{head}  {fact.modality} {_findings(fact)}"
        case DeadlinePassed():
            return f"{head}  deadline of revision {fact.revision} passed"
        case Review():
            return f"{head}  review of revision {fact.revision} by {fact.reviewer}: {fact.action} ({fact.reason})"
        case PolicyChanged():
            return f"{head}  revision {fact.revision} to be decided again, under {fact.policy}"
        case Deleted(before=None):
            return f"{head}  deleted up to revision {fact.revision} ({fact.reason or 'no reason given'})"
        case Deleted(before=place) if place is not None:
            reason = fact.reason or "no reason given"
            return f"{head}  deleted, all that was uploaded before {describe_place(place)} ({reason})"
        case _:
            return f"{head}  {type(fact).__name__}"


def describe_verdict(verdict: Verdict) -> str:
    """Return one line for one verdict."""
    why = "; ".join(reason.words for reason in verdict.reasons[:2]).replace(".; ", "; ") or "nothing found"
    seconds = verdict.decided_unix_seconds - verdict.uploaded_unix_seconds
    return f"{verdict.video_id}  {verdict.status} verdict: {verdict.action} after {seconds:.1f} s ({why})"


def strongest_evidence(verdict: Verdict, limit: int = 3) -> list[str]:
    """Return the strongest labels with scores and times."""
    return [describe_label(label) for label in verdict.labels[:limit]]


def describe_label(label: LabelEvidence) -> str:
    """Return a label with its score and the times of its segments."""
    times = ", ".join(f"{part.start_seconds:.1f}-{part.end_seconds:.1f} s" for part in label.segments[:2])
    return f"{label.label} {label.score:.2f}" + (f" at {times}" if times else "") + _second_look(label) + _mark(label)


def _mark(label: LabelEvidence) -> str:
    """Return why the evidence decides nothing, if so, or a judge's answer."""
    if isinstance(label.judgement, JudgeAnswer):
        return f" [{label.model} says {label.judgement.answer}, asked for its {label.judgement.asked_for}]"
    return f" [{label.held_back}: decides nothing]" if isinstance(label.held_back, str) else ""


def _objects(verdict: Verdict, limit: int = 3) -> list[str]:
    """Return the first objects that detectors found, with score and time."""
    return [f"{found.class_name} {found.score:.2f} at {found.at_seconds:.1f} s" for found in verdict.regions[:limit]]


def describe_texts(texts: Sequence[TextFound], limit: int = 12, characters: int = 90) -> list[str]:
    """Return the beginnings of the first texts that models read or heard, with their times and models."""
    return [_text(found, characters) for found in texts[:limit]]


def _text(found: TextFound, characters: int) -> str:
    words, times = one_line(found.text[:characters]), f"{found.start_seconds:.1f}-{found.end_seconds:.1f} s"
    language = f", {found.language}" if found.language else ""
    return f"“{words}” at {times} ({found.model}{language}, {found.score:.2f})"


def _second_look(label: LabelEvidence) -> str:
    """Return how many frames agree after a second look, or `cleared`."""
    look = label.second_look
    if not isinstance(look, SecondLook):
        return ""
    cleared = ", cleared" if look.is_cleared else ""
    return f" ({look.num_agree} of {look.num_frames} frames around {look.at_seconds:.1f} s{cleared})"


def feature(record: RecommendationRecord, name: str, default: Any = None) -> Any:
    """Return a feature's value, or the default if it is absent."""
    found = record.features.get(name)
    return default if found is None else found.value


def top_tags(record: RecommendationRecord, limit: int = 3) -> str:
    """Return the best tags of the picture, and the best sounds."""
    tags = [tag["name"] for tag in feature(record, "visual.tags", [])[:limit]]
    sounds = [event["name"] for event in feature(record, "audio.events", [])[:2]]
    return (", ".join(tags) or "none") + (" | " + ", ".join(sounds) if sounds else "")


def _counted(record: RecommendationRecord, limit: int = 6) -> list[str]:
    """Return the largest number of each kind of object in a frame, in one line; none where nothing was found."""
    found = feature(record, "visual.objects", [])[:limit]
    return [", ".join(f"{each['name']} {each['max_count']}" for each in found)] if found else []


def describe_cost(verdict: Verdict) -> str:
    """Return money, energy and CPU time of a verdict."""
    cost = verdict.cost
    joules = f"{cost.joules:.1f} J" + (" modelled" if cost.is_modelled else "")
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in _dearest(cost))
    cpu_seconds = sum(cost.cpu_seconds_by_stage.values())
    return f"${cost.usd:.2e}, {joules}, cpu {cpu_seconds:.2f} s ({stages}), device {cost.device_seconds:.2f} s"


def _models(cost: Cost, limit: int = 5) -> list[str]:
    """Return the models with the most CPU time, in one line; none without a model."""
    dearest = sorted(cost.cpu_seconds_by_model.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [", ".join(f"{name} {seconds:.2f} s" for name, seconds in dearest)] if dearest else []


def _dearest(cost: Cost, limit: int = 3) -> list[tuple[CpuStage, float]]:
    """Return the stages with the most CPU time."""
    return sorted(cost.cpu_seconds_by_stage.items(), key=lambda item: -item[1])[:limit]


def describe_outcome(outcome: Outcome, texts: Sequence[TextFound] = ()) -> list[str]:
    """Return the lines that describe one video for a person, with the texts that were recognised in it."""
    verdict, record = outcome.verdict, outcome.record
    lines = [describe_verdict(verdict)]
    lines += [f"  evidence  {line}" for line in strongest_evidence(verdict)]
    lines += [f"  object    {line}" for line in _objects(verdict)]
    lines += [f"  text      {line}" for line in describe_texts(texts)]
    lines += [f"  counted   {line}" for line in _counted(record)]
    lines.append(f"  tags      {top_tags(record)}")
    lines.append(
        f"  language  {feature(record, 'context.language', 'unsure')}   pace {feature(record, 'motion.pace', 'none')}"
        f"   cuts {_cuts(record)}"
        f"   speech {feature(record, 'audio.speech_ratio', 0.0):.0%}"
        f"   music {feature(record, 'audio.music_ratio', 0.0):.0%}"
    )
    states = verdict.modalities
    lacking = absent_words(states)
    for title, said in (
        ("missing", ", ".join(states.missing)),
        ("absent", lacking),
        ("failed", ", ".join(states.failed)),
    ):
        if said:
            lines.append(f"  {title:9} {said}")
    lines.append(f"  cost      {describe_cost(verdict)}")
    lines += [f"  models    {line}" for line in _models(verdict.cost)]
    return lines


def _cuts(record: RecommendationRecord) -> str:
    """Return the number of cuts; if a part of the video was analysed, also its share, and the estimate for all."""
    num_cuts = len(feature(record, "motion.cut_times_seconds", []))
    share = feature(record, "motion.observed_ratio", 1.0)
    if share >= 1.0:
        return f"{num_cuts}"
    looked = f"at least {num_cuts}, in the {share:.0%} looked at"
    num_shots = feature(record, "motion.estimated_num_shots", None)
    low, high = feature(record, "motion.estimated_num_shots_range", (0.0, 0.0))
    return (
        looked if num_shots is None else f"{looked}; about {num_shots - 1:.0f} in all ({low - 1:.0f} to {high - 1:.0f})"
    )


def _findings(signal: Signal) -> str:
    if not signal.is_present:
        return f"ok: {ABSENT[signal.modality]}"
    labels = ", ".join(describe_label(label) for label in signal.labels[:2] if label.score >= 0.5)
    return f"ok: {counted(len(signal.features), 'feature')}, {counted(len(signal.embeddings), 'embedding')}" + (
        f"; {labels}" if labels else ""
    )
