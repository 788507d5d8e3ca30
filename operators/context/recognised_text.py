"""Text that was recognised in sound or pictures, on the way of an upload's text: read as one text, and timed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from operators.context.language import text_language
from operators.context.passages import Passage, PassageReader
from operators.context.segments import segments
from operators.context.text import MAX_DESCRIBED_CHARACTERS, clean_text, num_words
from operators.context.text_analysis import TextAnalysis, analysed
from operators.context.text_models import TextModels
from operators.segments import TimeSpan
from schemas.evidence import TextFound, TextPart


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """What was recognised, prepared for the models of text."""

    analysis: TextAnalysis
    spans: Mapping[Passage, tuple[TimeSpan, ...]]

    def times(self, passages: Collection[Passage]) -> Sequence[TimeSpan]:
        """Return when some passages were said or seen; see `operators.context.text_times.Times`."""
        return [span for passage in passages for span in self.spans.get(passage, ())]


def read_recognised(part: TextPart, texts: Sequence[TextFound], models: TextModels) -> RecognisedText:
    """Read texts, in order of time, as one: a sentence may go on in the next of them, and so may a word.

    Args:
        part: which kind of text it is.
        texts: what was recognised.
        models: of text, on the host.
    """
    found = [(clean_text(each.text), each) for each in texts]
    text = " ".join(words for words, _ in found)[:MAX_DESCRIBED_CHARACTERS]
    identify = cache(models.language)
    language = text_language(identify, text)
    reading = PassageReader(identify, models.lexicon, language).read(part, text)
    spans_of = _segment_spans(text, found)
    spans: dict[Passage, tuple[TimeSpan, ...]] = {}
    for passage, segment in zip(reading.passages, reading.segments, strict=True):
        spans[passage] = (*spans.get(passage, ()), *spans_of[segment])
    return RecognisedText(analysed(text, [reading], models, language, words=num_words(text)), spans)


def _segment_spans(text: str, found: Sequence[tuple[str, TextFound]]) -> dict[str, tuple[TimeSpan, ...]]:
    """Return for each segment of the joined text the time of each of its places."""
    places = list(_places(found))
    spans: dict[str, tuple[TimeSpan, ...]] = {}
    end = 0
    for segment in segments(text):
        start = text.index(segment, end)
        end = start + len(segment)
        within = [each for first, last, each in places if first < end and start < last]
        if within:
            begins, ends = min(each.start_seconds for each in within), max(each.end_seconds for each in within)
            spans[segment] = (*spans.get(segment, ()), TimeSpan(begins, ends))
        spans.setdefault(segment, ())
    return spans


def _places(found: Sequence[tuple[str, TextFound]]) -> Iterator[tuple[int, int, TextFound]]:
    """Yield the range of characters of each text in the joined one."""
    start = 0
    for words, each in found:
        yield start, start + len(words), each
        start += len(words) + 1
