"""Restores words that were split, masked, stretched, scrambled or written with digits.

Only words that no abuse model knows are replaced, and only by a word that one knows. Plain text is left unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, product

from operators.context.lexicon import Lexicon
from operators.context.splitting import split_words

MAX_CANDIDATES = 32
"""Maximum number of readings of one word that are tried."""
MAX_READINGS = 100_000
"""Maximum number of readings of one upload, about two seconds of one core. Above it, the rest of the text counts as not
scored."""
MAX_WORD_CHARACTERS = 200
"""A longer run without a blank is read in pieces of this length."""
_USUAL_CHARACTERS = 32
"""Usual maximum length of a word; a longer one counts as several."""

_MAX_SPLIT = 3
"""Maximum number of readings of a word that are split into words."""

_ENDS = "\"'`´“”‘’«»()[]{}<>.,;:!?…¡¿~*_#-–—/\\|=+^"
"""Characters around words."""
_READ_AS = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g", "@": "a",
    "$": "s", "!": "i", "|": "il", "+": "t", "(": "c", "<": "c", "[": "c", "{": "c", "€": "e", "£": "l", "¢": "c",
    "¥": "y", "§": "s", "%": "x", "#": "h", "µ": "u", "×": "x", "¡": "i", "†": "t", "^": "a", "v": "vu",
}  # fmt: skip
"""Digits and symbols that are written for letters."""
_PHONETIC = (("ph", "f"), ("vv", "w"), ("kk", "ck"), ("xx", "ck"), ("zz", "ss"))
_MASKS = re.compile(r"[^a-z0-9\s'’]")
_STRETCHED = re.compile(r"(.)\1\1")
_LEAST_MASKED_LETTERS = 2
_APOSTROPHES = frozenset("'’")
_APOSTROPHE = re.compile("['’]")
_LEAST_JOINED = 4
"""Minimum number of letters of a word that a blank splits in two."""
_MAX_PIECES = 6
"""Maximum number of pieces of one word, including marks between them."""
_LEAST_SINGLE = 3
"""Minimum number of single letters in a row that form a word."""
_LEAST_WORD_LETTERS = 3
"""Mean length of the words that single letters without a hot word form; `a s m r` is no `as mr`."""
_NUM_EVERYDAY = 500


class Restorer:
    """Restores the hidden words of one upload, within a limit on the work.

    Args:
        lexicon: the known words.
        max_readings: of all words together.
    """

    def __init__(self, lexicon: Lexicon, max_readings: int = MAX_READINGS) -> None:
        self._lexicon = lexicon
        self._left_readings = max_readings
        self._restored: dict[str, str] = {}

    def __call__(self, text: str) -> str | None:
        """Return the text with its hidden words in plain letters; None once the limit is used up.

        Args:
            text: in lower case, as `operators.context.folding.folded` returns it.
        """
        words = [piece for word in text.split() for piece in _pieces(word)]
        together = _joined_letters(words, self._lexicon)
        self._left_readings -= max(0, len(words) - len(together))
        joined = _joined_pieces(together, self._lexicon)
        restored = [self._word(word) for word in joined]
        return " ".join(restored) if self._left_readings > 0 else None

    def _word(self, word: str) -> str:
        plain = word.strip(_ENDS)
        if self._left_readings <= 0 or self._lexicon.is_known(plain) or not _is_restorable(plain):
            return word
        if word not in self._restored:
            found = list(dict.fromkeys(islice(_candidates(word, plain), MAX_CANDIDATES)))
            self._left_readings -= len(found) * (1 + len(plain) // _USUAL_CHARACTERS)
            known = _hidden(found, plain, self._lexicon) or _commonest(plain, self._lexicon)
            self._restored[word] = known or self._split(found) or word
        return self._restored[word]

    def _split(self, found: Sequence[str]) -> str:
        """Split a reading into words; splitting counts as one reading per letter."""
        cut = list(islice(filter(self._lexicon.hot_inside.search, found), _MAX_SPLIT))
        self._left_readings -= sum(map(len, cut))
        return " ".join(_split(cut, self._lexicon))


def _pieces(word: str) -> Iterator[str]:
    yield from (word[start : start + MAX_WORD_CHARACTERS] for start in range(0, len(word), MAX_WORD_CHARACTERS))


def _joined_letters(words: Sequence[str], lexicon: Lexicon) -> list[str]:
    """Join `f u c k` to one word; `split_words` splits it again if it was several."""
    joined: list[str] = []
    for is_single, group in groupby(words, key=_is_single):
        run = list(group)
        if is_single and sum(_is_letter(word) for word in run) >= _LEAST_SINGLE:
            letters = "".join(word.strip(_ENDS) or word for word in run)
            joined += _split_letters(letters, lexicon)
        else:
            joined += run
    return joined


def _split_letters(letters: str, lexicon: Lexicon) -> list[str]:
    if lexicon.is_known(letters):
        return [letters]
    words = split_words(letters, lexicon)
    is_likely = _LEAST_WORD_LETTERS * len(words) <= len(letters) or lexicon.hot_inside.search(letters)
    return words if words and is_likely else [letters]


def _is_single(word: str) -> bool:
    """Return whether a word is one letter, digit or symbol, with or without punctuation around it."""
    return len(word.strip(_ENDS) or word) == 1


def _is_letter(word: str) -> bool:
    return "a" <= (word.strip(_ENDS) or word) <= "z"


def _joined_pieces(words: Sequence[str], lexicon: Lexicon) -> list[str]:
    """Join `fu ck`, `fu c k` and `fu - ck` to one word if it is a hot word and one of its pieces is no everyday
    word."""
    joined: list[str] = []
    place = 0
    while place < len(words):
        number = _num_pieces(words[place : place + _MAX_PIECES], lexicon)
        joined.append("".join(words[place : place + number]))
        place += number
    return joined


def _num_pieces(words: Sequence[str], lexicon: Lexicon) -> int:
    """Return how many of the first words are pieces of one; 1 if they are not."""
    pieces = [word.strip(_ENDS) for word in words]
    whole, best = pieces[0], 1
    if not whole:
        return best
    for number, piece in enumerate(pieces[1:], start=2):
        whole += piece
        if piece and _is_cut(whole, pieces[:number], lexicon):
            best = number
    return best


def _is_cut(whole: str, pieces: Sequence[str], lexicon: Lexicon) -> bool:
    if len(whole) < _LEAST_JOINED or whole not in lexicon.hot:
        return False
    return any(lexicon.ranks.get(piece, _NUM_EVERYDAY + 1) > _NUM_EVERYDAY for piece in pieces if piece)


def _is_restorable(word: str) -> bool:
    if word.isalpha():
        return word.isascii()
    if not _APOSTROPHES.isdisjoint(word) and any(len(piece) > 1 for piece in _APOSTROPHE.split(word)):
        return False  # `who're` and `he'll` are words
    return any("a" <= character <= "z" or character in _READ_AS for character in word) and not word.isdigit()


def _hidden(found: Sequence[str], word: str, lexicon: Lexicon) -> str | None:
    """Return the first reading that is a hot word."""
    hot = next((candidate for candidate in found if candidate in lexicon.hot), None)
    return hot or _unmasked(word, lexicon) or next(filter(None, map(lexicon.unscrambled, found)), None)


def _commonest(word: str, lexicon: Lexicon) -> str | None:
    """Return the commonest known reading of a word with digits, marks, or a letter three times in a row: `y0u`,
    `soooo`.

    A doubled letter is common spelling, above all in other languages, and hides nothing by itself.
    """
    if word.isalpha() and not _STRETCHED.search(word):
        return None
    readings = list(dict.fromkeys(islice(_known_readings(word), MAX_CANDIDATES)))
    known = [reading for reading in readings if len(reading) > 1 and reading in lexicon.ranks]
    return min(known, key=lambda reading: lexicon.ranks[reading], default=None)


def _known_readings(word: str) -> Iterator[str]:
    if not any(character.isdigit() for character in word):
        yield from _stretched(_letters(word))
    for reading in _readings(word):
        if _letters(reading) == reading:
            yield from _stretched(reading)


def _split(found: Sequence[str], lexicon: Lexicon) -> list[str]:
    """Return the first reading that consists of several words with a hot one among them."""
    for candidate in found:
        words = split_words(candidate, lexicon)
        if words and _is_likely(words, lexicon):
            return words
    return []


_ADDRESSING = frozenset(
    (
        "you", "your", "u", "ur", "off", "my", "me", "are", "is", "a", "the", "this", "that", "and", "shut", "up", "go",
        "it", "yourself", "all", "of",
    )
)  # fmt: skip
_MANY_WORDS = 4


def _is_likely(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Return False for a place or a name that contains a bad word; True for many words, or for bad words together with
    the person they address."""
    if not any(word in lexicon.hot for word in words):
        return False
    return len(words) >= _MANY_WORDS or all(word in lexicon.hot or word in _ADDRESSING for word in words)


def _candidates(word: str, plain: str) -> Iterator[str]:
    """Yield readings of a word, the plainest first."""
    for spelled in dict.fromkeys((plain, word.strip("\"'.,;:?…“”‘’"))):
        yield from _stretched(_letters(spelled))
        for reading in _readings(spelled):
            yield from _stretched(_letters(reading))
    for written, spoken in _PHONETIC:
        if written in plain:
            yield from _stretched(_letters(plain.replace(written, spoken)))


def _letters(text: str) -> str:
    return "".join(character for character in text if "a" <= character <= "z")


def _readings(word: str) -> Iterator[str]:
    """Yield what its digits and symbols may stand for."""
    choices = [_READ_AS.get(character, character) for character in word]
    if any(len(choice) > 1 or choice != character for choice, character in zip(choices, word, strict=True)):
        yield from ("".join(choice) for choice in islice(product(*choices), MAX_CANDIDATES))


def _stretched(word: str) -> Iterator[str]:
    """Yield the word itself, then the word with repeated letters reduced to one or two."""
    yield word
    runs = [(letter, len(list(group))) for letter, group in groupby(word)]
    if len(runs) < len(word):
        lengths = [(1, 2) if length > 1 else (1,) for _, length in runs]
        for chosen in islice(product(*lengths), MAX_CANDIDATES // 2):
            yield "".join(letter * length for (letter, _), length in zip(runs, chosen, strict=True))


def _unmasked(word: str, lexicon: Lexicon) -> str | None:
    """Return the first hot word that matches a masked one such as `f*ck` or `a**hole`."""
    as_long = lexicon.hot_by_length.get(len(word), ())  # first, for to compile the pattern of a long word takes long
    masks = len(_MASKS.findall(word)) if as_long else 0
    if not masks or len(word) - masks < max(_LEAST_MASKED_LETTERS, masks) or not word[0].isalpha():
        return None
    pattern = re.compile(_MASKS.sub("[a-z]", word))
    return next((hot for hot in as_long if pattern.fullmatch(hot)), None)
