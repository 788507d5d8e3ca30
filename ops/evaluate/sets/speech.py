"""What is said: word error rates of recordings with a published text, and words that nobody said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Size, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, Choice, Decided, MethodSpent, Scored, Timed, TrueSpan, Worded
from ops.evaluate.sets.on_screen_text import LEAST_SCORE
from ops.evaluate.sets.sounds import PACKAGES as SOUND_PACKAGES
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.heard.decoding import Samples
    from ops.evaluate.product import Analysed
    from ops.evaluate.spoken.items import SpokenItem

READ: Final = "word errors, read speech"
READ_ENGLISH: Final = "word errors, read speech with an English title"
TELEPHONE: Final = "word errors, telephone"
OVER_MUSIC: Final = "word errors, speech over music"
GENERATED: Final = "word errors, generated voices"
LANGUAGE: Final = "language of speech"
INVENTED: Final = "words where nobody speaks"
UNGATED: Final = "words where nobody speaks, without the detector of voices"
ABUSE: Final = "hate-and-harassment/abusive-language/abusive-speech"
SECONDS: Final = "seconds of spoken abuse"
MODELS: Final = ("whisper-tiny-en", "whisper-base")
PACKAGES: Final = ("read-speech", "moonshine-voice", *SOUND_PACKAGES)
_TITLE: Final = "A few words that were spoken and recorded"
_SETTINGS: Final[Mapping[str, object]] = {"speech_ratio": 1.0, "speech_seconds": 60.0, "text_pictures": 0}
"""All sounds are transcribed, to their end."""
_UNGATED_EVERY: Final[Mapping[Size, int]] = {"small": 3, "full": 1}
_SUBJECT_OF: Final = {
    "read": READ,
    "telephone": TELEPHONE,
    "over music": OVER_MUSIC,
    "generated": GENERATED,
    "nothing said": INVENTED,
}


class Speech:
    """See the module."""

    name = "speech"
    version = 1
    description = (
        "Read and broadcast speech whose text is published, the same by telephone and over music, sentences of a "
        "synthesiser in eight languages, and sounds without a word. Nothing was fitted on it."
    )
    subjects = (
        JudgedSubject(READ, "Words that differ from the published text; any language is expected.", MODELS[1]),
        JudgedSubject(READ_ENGLISH, "The same below an English title, which lets the smaller model answer.", MODELS[0]),
        JudgedSubject(TELEPHONE, "The same by telephone, and a telephone prompt.", MODELS[1]),
        JudgedSubject(OVER_MUSIC, "The same over music that is fainter by some dB.", MODELS[1]),
        JudgedSubject(GENERATED, "Sentences of a synthesiser, by language.", MODELS[1]),
        JudgedSubject(LANGUAGE, "The language of all of these.", MODELS[1]),
        JudgedSubject(ABUSE, "Abuse that is said over music, plainly and in three evasions.", label=ABUSE),
        JudgedSubject(SECONDS, "When the abuse is said.", tolerance_seconds=1.0),
        JudgedSubject(INVENTED, "A word is heard in a sound without any.", MODELS[1]),
        JudgedSubject(UNGATED, "The same if the whole sound is given to the models of speech.", MODELS[1]),
    )
    sources = (
        Source("generated", "Apache-2.0"),
        *(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in PACKAGES),
    )
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("audio",)
    models = (*MODELS, "silero-vad", "toxicity", "all-minilm-l6-v2")

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield words and languages of each sound; with an English title those of read speech once more."""
        from ops.evaluate.heard.decoding import RATE_HZ
        from ops.evaluate.product import analysed, spent
        from ops.evaluate.spoken.items import spoken_items
        from streams.config.settings import read_settings

        cache_dir = read_settings().cache_dir
        items = list(spoken_items(run.data_dir, cache_dir / "samples", run.seed, run.size))
        made = [item.make() for item in items]
        read = [place for place, item in enumerate(items) if item.group == "read"]
        files = _written(made, run.folder) | {f"{place}, titled": run.folder / f"{place}.wav" for place in read}
        titles = {f"{place}, titled": {"video_id": f"{place}-titled", "title": _TITLE} for place in read}
        found = {each.item: each for each in analysed(files, run.on_item, titles, settings=_SETTINGS)}
        for place, item in enumerate(items):
            said = found[str(place)]
            if said.problem:
                run.leave_out(item.name, said.problem)
            else:
                yield from judgements(item, len(made[place]) / RATE_HZ, said)
        for place in read:
            yield _words(READ_ENGLISH, items[place], found[f"{place}, titled"])
        silent = [(item, made[place]) for place, item in enumerate(items) if not item.text]
        yield from _ungated(cache_dir, silent[:: _UNGATED_EVERY[run.size]])
        yield spent(found.values(), _seconds(made) + _seconds([made[place] for place in read]))
        yield from _spent_by_models(found, items, made)


def judgements(item: SpokenItem, length_seconds: float, said: Analysed) -> Iterator[AnyJudgement]:
    """Compare what was heard in a sound with what is said."""
    if item.group == "abuse":
        yield from _of_abuse(item, length_seconds, said)
        return
    if not item.text:
        has_words = bool(said.words_of(*MODELS).strip())
        yield Decided(INVENTED, item.name, PRODUCT, item.kind, truth=False, said=has_words)
        return
    language = said.feature("audio.spoken_language")
    yield _words(_SUBJECT_OF[item.group], item, said)
    heard = language if isinstance(language, str) else None
    yield Choice(LANGUAGE, item.name, PRODUCT, item.group, truth=(item.language,), said=heard)


def _of_abuse(item: SpokenItem, length_seconds: float, said: Analysed) -> Iterator[AnyJudgement]:
    from ops.evaluate.spoken.evasions import LEAD_SECONDS

    yield Scored(ABUSE, item.name, PRODUCT, item.kind, truth=item.is_abusive, score=said.score_of(ABUSE))
    if item.is_abusive:
        span = TrueSpan(LEAD_SECONDS, length_seconds - LEAD_SECONDS)
        yield Timed(SECONDS, item.name, PRODUCT, "", (span,), said.times_of(ABUSE, LEAST_SCORE))


def _words(subject: str, item: SpokenItem, said: Analysed) -> Worded:
    from ops.evaluate.spoken.written_words import words_of

    heard = words_of(said.words_of(*MODELS), item.language)
    return Worded(subject, item.name, PRODUCT, item.kind, truth=words_of(item.text, item.language), said=heard)


def _written(made: Sequence[Samples], folder: Path) -> dict[str, Path]:
    from ops.evaluate.heard.decoding import write_sound

    paths = {str(place): folder / f"{place}.wav" for place in range(len(made))}
    for path, samples in zip(paths.values(), made, strict=True):
        write_sound(samples, path)
    return paths


def _seconds(sounds: Sequence[Samples]) -> float:
    from ops.evaluate.heard.decoding import RATE_HZ

    return sum(map(len, sounds)) / RATE_HZ


def _ungated(cache_dir: Path, sounds: Sequence[tuple[SpokenItem, Samples]]) -> Iterator[AnyJudgement]:
    """Ask the models of speech about whole sounds, as if a voice had been found everywhere."""
    from operators.audio.speech.packing import SpeechWindow, SpokenPiece
    from operators.audio.speech.recogniser import WhisperRecogniser

    recogniser = WhisperRecogniser(cache_dir)
    for item, samples in sounds:
        window = SpeechWindow((SpokenPiece(0.0, samples),))
        for model, is_english in zip(MODELS, (True, False), strict=True):
            (heard,) = recogniser.transcribe([window], is_english=is_english).windows
            name = f"{item.name}, {model}"
            yield Decided(UNGATED, name, PRODUCT, f"{item.kind}, {model}", truth=False, said=heard is not None)


def _spent_by_models(
    found: Mapping[str, Analysed], items: Sequence[SpokenItem], made: Sequence[Samples]
) -> Iterator[MethodSpent]:
    """Yield what each model cost, over the length of the sounds that it was asked about."""
    for model in MODELS:
        asked = {name: said.model_cpu_seconds(model) for name, said in found.items()}
        places = [int(name.partition(",")[0]) for name, seconds in asked.items() if seconds]
        spoken = [place for place in places if items[place].text]
        yield MethodSpent(model, sum(asked.values()), _seconds([made[place] for place in spoken]), len(places))
