"""The end of each card's `checked_on`: what was measured of the model, and which of its labels were not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

from models.card import Card
from ops.evaluate.documents.headline import counts_words, headline, set_words, short_value
from ops.evaluate.result import SetResult

START: Final = "Measured by `vidsignal evaluate`:"
"""From here on the text is generated; what stands before is written by hand."""
_WIDTH: Final = 110
_CHECKED_ON: Final = re.compile(r'(?<=^checked_on = """\\\n)(.*?)(?="""$)', re.MULTILINE | re.DOTALL)


def with_measurements(content: str, card: Card, results: Iterable[SetResult]) -> str:
    """Return the card's file with the generated part of `checked_on` written again.

    Raises:
        ValueError: the file has no `checked_on` in three quotation marks with a continued first line.
    """
    text, number = _CHECKED_ON.subn(lambda found: _text(found.group(), measured_words(card, results)), content)
    if number != 1:
        raise ValueError(f"the card of {card.name} has no checked_on in the form of the others")
    return text


def _text(present: str, measured: str) -> str:
    by_hand = " ".join(present.replace("\\\n", " ").split()).partition(START)[0].strip()
    return " \\\n".join(wrap(f"{by_hand} {measured}", _WIDTH, break_long_words=False, break_on_hyphens=False))


def measured_words(card: Card, results: Iterable[SetResult]) -> str:
    """Return the generated sentences."""
    measured = list(_sentences(card, results))
    missing = sorted({source.label for source in card.labels} - {label for label, _ in measured})
    sentences = [sentence for _, sentence in measured]
    if missing:
        sentences.append(f"Not measured: {', '.join(missing)}.")
    return f"{START} {' '.join(sentences) or 'nothing yet.'}"


def _sentences(card: Card, results: Iterable[SetResult]) -> Iterator[tuple[str, str]]:
    """Yield label and sentence for each measured subject of the card."""
    for result in results:
        for subject in result.subjects:
            figures = headline(subject) if subject.model == card.name else []
            if figures:
                place = f"{subject.subject} ({set_words(result)}; {counts_words(subject)})"
                threshold = next((each.threshold for each in figures if each.threshold is not None), None)
                at = "" if threshold is None else f" at {threshold:g}"
                words = ", ".join(f"{each.metric} {short_value(each)}" for each in figures)
                yield subject.label, f"{place}{at}: {words}."
