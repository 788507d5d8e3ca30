"""Normalises text to the plain letters that a reader sees: decodes entities and escapes, replaces styled and confusable
letters, removes marks, and undoes direction overrides."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote

from operators.context.invisible import without_any_invisible
from operators.context.look_alikes import latin_letters

_MAX_ENCODINGS = 3
"""How often entities may be nested: `&amp;amp;#102;`."""
_ENTITY = re.compile(r"&#?\w+;?")
_PERCENT = re.compile(r"(?:%[2-7][0-9A-Fa-f]){2,}")
_PLAIN_BYTE = "(?:20|3[0-9]|4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])"
"""In hexadecimal: a blank, a digit or a letter."""
_QUOTED = re.compile(f"(?:={_PLAIN_BYTE}){{2,}}")
"""Quoted-printable, as in e-mail."""
_ESCAPES = re.compile(rf"(?:\\\\?(?:u00|x){_PLAIN_BYTE}){{2,}}")
_ESCAPED = re.compile(r"[2-7][0-9A-Fa-f](?=\\|$)")
"""Escapes of program text: `\\u0066`, `\\x66`."""
_ENCODING_SIGNS = frozenset("&%<=\\")
_MARKUP = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<!--[^<>\n]{0,200}-->")
_OVERRIDDEN = re.compile("\u202e([^\u202c\n]*)\u202c?")
_WORD = re.compile(r"\S+")
_BLANK_SYMBOLS = dict.fromkeys(map(ord, "\u2800\u3164\u115f\u1160\uffa0"), " ")
"""Displayed as blanks, although Unicode classifies them as letters and symbols: BRAILLE PATTERN BLANK, the fillers of
Hangul."""
_PHRASES = dict.fromkeys((0xFDFA, 0xFDFB), " ")
"""Arabic ligatures whose compatibility form has 18 and 8 characters; all other code points have at most 6."""
_WHOLE_SCRIPT_RATIO = 0.8
"""Share of a segment's words without a Latin letter that must be writable in Latin before any of them is replaced:
Russian has such words, too, but not whole sentences of them."""


def folded(text: str) -> str:
    """Return the text in plain lower-case letters, with single spaces between words; at most six times as long."""
    if text.isascii() and not _is_encoded(text):
        return " ".join(text.lower().split())
    plain = _decoded(text)
    plain = _OVERRIDDEN.sub(lambda found: found[1][::-1], plain).translate(_BLANK_SYMBOLS)
    return _latin(" ".join(_normal(without_any_invisible(plain)).split()))


def _is_encoded(text: str) -> bool:
    return not _ENCODING_SIGNS.isdisjoint(text)


def _unescaped(found: re.Match[str]) -> str:
    return "".join(chr(int(number, 16)) for number in _ESCAPED.findall(found[0]))


def _decoded(text: str) -> str:
    """Decode entities, tags, escapes and percent encodings, until nothing changes."""
    for _ in range(_MAX_ENCODINGS):
        before = text
        text = _ESCAPES.sub(_unescaped, text)
        text = _QUOTED.sub(lambda found: unquote(found[0].replace("=", "%")), text)
        text = _PERCENT.sub(lambda found: unquote(found[0]), html.unescape(text) if _ENTITY.search(text) else text)
        text = _MARKUP.sub("", text)
        if text == before:
            break
    return text


def _normal(text: str) -> str:
    """Apply NFKC, and remove the marks that combine with Latin letters: accents, strike-through, stacks of both."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", _without_phrases(text)))
    kept: list[str] = []
    base = ""
    for character in apart:
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        if not is_mark:
            base = character
        if not (is_mark and _loses_marks(base)):
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _without_phrases(text: str) -> str:
    """Replace ligatures of whole phrases by blanks: they hide no word, and would make a text many times longer."""
    return text if text.isascii() else text.translate(_PHRASES)


def _loses_marks(base: str) -> bool:
    return not base or base.isascii() or bool(latin_letters(base)) or not base.isalpha()


def _latin(text: str) -> str:
    """Replace look-alikes in words that also contain Latin letters; words of look-alikes only if most others can be
    replaced, too."""
    if text.isascii():
        return text.lower()
    words = text.split(" ")
    foreign = [word for word in words if _is_foreign(word)]
    is_disguised = sum(_is_writable(word) for word in foreign) >= _WHOLE_SCRIPT_RATIO * len(foreign)
    return " ".join(_rewritten(word, is_disguised) for word in words).lower()


def _rewritten(word: str, is_disguised: bool) -> str:
    if word.isascii() or (_is_foreign(word) and not (is_disguised and _is_writable(word))):
        return word
    return "".join(latin_letters(character) or character for character in word)


def _is_foreign(word: str) -> bool:
    """Return whether a word has letters, none of them Latin (symbols that show letters count as Latin)."""
    letters = [character for character in word if character.isalpha()]
    return bool(letters) and not any(_is_latin(character) for character in letters)


def _is_writable(word: str) -> bool:
    return all(latin_letters(character) for character in word if character.isalpha())


def _is_latin(character: str) -> bool:
    return character.isascii() or unicodedata.name(character, "").startswith(("LATIN", "MODIFIER LETTER"))
