"""From a chat model's answer to a caption: checked strictly, because nobody knows what it was talked into."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from operators.captions.caption_question import CaptionForm
from operators.captions.caption_states import CaptionState
from operators.captions.quotations import quotes
from operators.captions.word_loops import without_loops
from operators.context.hashtags import normalised_hashtag
from operators.context.invisible import without_invisible
from operators.context.text import clean_text
from operators.inference.remote.chat_client import ChatAnswer

MAX_TITLE_CHARACTERS: Final = 80
MAX_CAPTION_CHARACTERS: Final = 300
MAX_HASHTAGS: Final = 8
MAX_HASHTAG_CHARACTERS: Final = 40
_LEAST_LETTERS: Final = 2
"""Of a text that says anything."""

_CONTACT: Final = re.compile(r"://|\bwww\.|[\w.+-]@[\w-]|(?:^|\s)@\w|(?:\d[\s().+/-]{0,2}){9,}", re.IGNORECASE)
_DIRECTIONS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HASHTAG: Final = re.compile(r"[#＃]?(\w+)\Z")


@dataclass(frozen=True, slots=True)
class Caption:
    """What is kept of an answer; only the state if nothing is."""

    state: CaptionState
    title: str = ""
    text: str = ""
    hashtags: tuple[str, ...] = ()


def caption_of(answer: ChatAnswer, texts: Sequence[str]) -> Caption:
    """Return the caption of an answer.

    Args:
        answer: of any content.
        texts: what is said and shown in the video, which a caption does not quote.
    """
    if answer.ended != "stop":
        return Caption("truncated" if answer.ended == "length" else "repetition")
    try:
        form = msgspec.json.decode(answer.text, type=CaptionForm)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Caption("malformed")
    return _checked(form, texts)


def _checked(form: CaptionForm, texts: Sequence[str]) -> Caption:
    title, is_title_cut = _bounded(_cleaned(form.title), MAX_TITLE_CHARACTERS)
    text, is_text_cut = _bounded(_cleaned(form.caption), MAX_CAPTION_CHARACTERS)
    if _is_empty(title) or _is_empty(text):
        is_loop = is_text_cut or is_title_cut
        return Caption("repetition" if is_loop else "malformed")
    hashtags = _hashtags(form.hashtags)
    whole = " ".join((title, text, *hashtags))
    if _CONTACT.search(whole):
        return Caption("contact")
    if any(quotes(each, texts) for each in (title, text, "".join(hashtags))):
        return Caption("quotation")
    return Caption("cut" if is_title_cut or is_text_cut else "whole", title, text, hashtags)


def _cleaned(text: str) -> str:
    """Return one line without control characters, marks of direction, and invisible characters that nothing needs."""
    visible = without_invisible(_DIRECTIONS.sub("", clean_text(text)))
    return " ".join(visible.split())


def _bounded(text: str, max_characters: int) -> tuple[str, bool]:
    """Return the text without loops and within its limit, at a word's end, and whether something was cut off."""
    kept = without_loops(text[: 2 * max_characters])
    if len(kept) > max_characters:
        head = kept[:max_characters]
        kept = (head.rpartition(" ")[0] or head).rstrip(" ,;:-")
    return kept, kept != text


def _is_empty(text: str) -> bool:
    return sum(character.isalnum() for character in text) < _LEAST_LETTERS


def _hashtags(found: Sequence[str]) -> tuple[str, ...]:
    """Return hashtags in the form of the uploads' ones; what is no single word is left out, not joined."""
    words = (_HASHTAG.match(each.strip()) for each in found[: 4 * MAX_HASHTAGS])
    normal = (normalised_hashtag(word[1]) for word in words if word)
    distinct = dict.fromkeys(each for each in normal if each and len(each) <= MAX_HASHTAG_CHARACTERS)
    return tuple(distinct)[:MAX_HASHTAGS]
