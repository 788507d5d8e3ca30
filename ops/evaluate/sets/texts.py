"""Titles written for this: abusive ones, and harmless ones that look alike. No prototype is a paraphrase of one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, Decided, MethodSpent, Scored
from schemas.evidence import LabelEvidence
from schemas.facts import Signal
from schemas.identity import Modality
from schemas.outcomes import ModalityStates
from schemas.uploads import FileSource, VideoUploaded
from streams.decision.decide import decide

DATA: Final = Path(__file__).parents[1] / "data"
FILES: Final = ("held_out_texts.tsv", "held_out_identity_texts.tsv")
LABELS: Final = {
    "toxic": "hate-and-harassment/abusive-language/toxic-text",
    "obscene": "profanity/obscenity/obscene-text",
    "insult": "hate-and-harassment/insults/insult-in-text",
    "identity": "hate-and-harassment/identity-attack/identity-attack-in-text",
    "threat": "violence/threats/threat-in-text",
}
"""Taxonomy labels by the files' words. Any abusive text is toxic."""
ACTED_ON: Final = "acted on"
_NOT_ENGLISH: Final = ("foreign-abuse", "foreign-clean")
_ONLY_TEXT: Final = ModalityStates(present=("context",))
_SMALL_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One title."""

    kind: str
    labels: frozenset[str]
    """Words of `LABELS`; empty for a harmless text."""
    group: str
    """Texts that differ only in whom they are about have one; empty without."""
    text: str

    def has(self, word: str) -> bool:
        """Return whether the text has a label."""
        return word in self.labels or (word == "toxic" and bool(self.labels))


def labelled_texts() -> tuple[LabelledText, ...]:
    """Return all texts, in the order of the files."""
    lines = [line for name in FILES for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    return tuple(_text(line) for line in lines if not line.startswith("#"))


def _text(line: str) -> LabelledText:
    kind, labels, group, text = line.split("\t")
    return LabelledText(kind, frozenset(labels.split("+")) - {"-"}, group.replace("-", ""), text)


class AbusiveTexts:
    """See the module."""

    name = "abusive-texts"
    version = 1
    description = (
        "Titles written for this: threats, insults, obscenities, identity attacks, and harmless ones with strong or "
        "bad words; fixed before the first prototype was written. After runs had shown false alarms about two groups "
        "of texts, eight and then eighteen harmless prototypes were added."
    )
    subjects = (
        *(
            JudgedSubject(path, f"The English text has the label {word}; the others are harmless.", label=path)
            for word, path in LABELS.items()
        ),
        JudgedSubject(ACTED_ON, "The policy limits the title, or sends it to review, if it is abusive."),
    )
    sources = (Source("written for this set", "Apache-2.0"),)
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("context",)
    models = ("all-minilm-l6-v2", "language-id", "profanity", "toxicity")

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield the scores of the labels, and what the policy does, for each text."""
        from ops.assets import default_cache_dir
        from ops.evaluate.text_evaluator import load_text_evaluator

        said = load_text_evaluator(default_cache_dir())
        chosen = chosen_texts(run)
        began = time.process_time()
        for place, each in enumerate(chosen):
            upload = VideoUploaded(video_id="text", source=FileSource(path="/text.mp4"), title=each.text)
            evidence = said.evidence(upload)
            item = f"{place:03d} {each.kind}"
            for word, path in LABELS.items():
                if each.kind not in _NOT_ENGLISH and (each.has(word) or not each.labels):
                    score = max((found.score for found in evidence if found.label == path), default=0.0)
                    yield Scored(path, item, PRODUCT, each.kind, truth=each.has(word), score=score)
            action = decide(run.policy, [_signal(upload, evidence)], _ONLY_TEXT, None).action
            yield Decided(ACTED_ON, item, PRODUCT, each.kind, truth=bool(each.labels), said=action != "allow")
            run.on_item()
        yield MethodSpent(PRODUCT, time.process_time() - began, 0.0, len(chosen))


def _signal(upload: VideoUploaded, labels: tuple[LabelEvidence, ...]) -> Signal:
    return Signal(
        signal_id=upload.video_id,
        video_id=upload.video_id,
        revision=upload.revision,
        modality="context",
        status="ok",
        generation=1,
        fingerprint="",
        produced_unix_seconds=0.0,
        labels=labels,
    )


def chosen_texts(run: EvaluationRun) -> list[LabelledText]:
    """Return all texts, or for a small run a quarter of each kind, drawn by the seed."""
    found = list(labelled_texts())
    if run.size == "full":
        return found
    drawing = random.Random(run.seed)
    kinds = dict.fromkeys(each.kind for each in found)
    by_kind = [[each for each in found if each.kind == kind] for kind in kinds]
    return [each for texts in by_kind for each in drawing.sample(texts, max(1, round(_SMALL_SHARE * len(texts))))]
