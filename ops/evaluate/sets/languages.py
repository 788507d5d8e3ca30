"""Titles in 34 languages, written for this: sentences, plain, with hashtags, with emoji, in capitals; a few words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, Choice, MethodSpent
from ops.evaluate.language_titles import titles
from schemas.identity import Modality
from schemas.uploads import FileSource, VideoUploaded

LANGUAGE: Final = "language"
_ALSO_RIGHT: Final[Mapping[str, tuple[str, ...]]] = {"nb": ("no", "nn")}
"""Norwegian has one code for both written forms, which the classifier says."""


class Languages:
    """See the module."""

    name = "languages"
    version = 1
    description = "Titles written for this in 34 languages; nothing was fitted on them."
    subjects = (JudgedSubject(LANGUAGE, "The language of title and description is the title's.", model="language-id"),)
    sources = (Source("written for this set", "Apache-2.0"),)
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("context",)
    models = ("language-id",)

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield the language of each title in each form; a small run takes them all."""
        from models.language_id import load_language_id
        from operators.context.language import text_language
        from operators.context.text import prose
        from ops.assets import default_cache_dir

        identify = load_language_id(default_cache_dir())
        began, number = time.process_time(), 0
        for number, (kind, language, text) in enumerate(titles(), start=1):
            upload = VideoUploaded(video_id="title", source=FileSource(path="/title.mp4"), title=text)
            found = text_language(identify, prose(upload))
            right = (language, *_ALSO_RIGHT.get(language, ()))
            item = f"{number:03d} {language} {kind}"
            yield Choice(LANGUAGE, item, PRODUCT, kind, truth=right, said=found.code if found else None)
            run.on_item()
        yield MethodSpent(PRODUCT, time.process_time() - began, 0.0, number)
