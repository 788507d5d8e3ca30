"""Ways to write a sentence so that people read it and machines do not, each a function of the plain sentence."""

from __future__ import annotations

import html
import random
from collections.abc import Callable
from itertools import cycle

from schemas.uploads import FileSource, VideoUploaded

GERMAN = (
    " Ein ruhiger Tag am See mit der ganzen Familie, wir haben gegrillt und sind danach noch lange geschwommen. Das "
    "Wetter war herrlich, und die Kinder hatten viel Freude."
)
ARABIC = "فيديو جديد من البحر اليوم مع العائلة "
CALM = "A calm day at the lake with the whole family. We made a fire and went swimming until late. "
LOOK_ALIKES = str.maketrans("aeocpyxijs", "аеосрухіјѕ")
GREEK = str.maketrans("aoivtkun", "αοινтκυп")
CAPITAL_SHAPES = str.maketrans("aeocpxtkmhb", "аеосрхткмнв")
LEET = str.maketrans("aeios", "43105")
SYMBOLS = str.maketrans("aisc", "@!$(")
ACCENTS = str.maketrans("aeiouc", "àéïöûç")
SMALL_CAPITALS = dict(zip(map(ord, "abcdefghijklmnoprstuvwyz"), "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
ZALGO = "\u0300\u0316\u0334\u0351\u0489"


def letters(change: Callable[[str], str]) -> Callable[[str], str]:
    """A way that changes each letter of a to z."""
    return lambda text: "".join(change(each) if each.isascii() and each.isalpha() else each for each in text)


def behind(suffix: str) -> Callable[[str], str]:
    """A way that puts a character behind each letter."""
    return letters(lambda letter: letter + suffix)


def block(first: int) -> Callable[[str], str]:
    """A way that takes letters from another alphabet of 26."""
    return letters(lambda letter: chr(first + ord(letter.lower()) - ord("a")))


def long_words(change: Callable[[str], str], least: int = 4) -> Callable[[str], str]:
    """A way that changes words of at least so many letters."""
    return lambda text: " ".join(change(word) if len(word) >= least else word for word in text.split())


def apart(separator: str, between: str = "   ") -> Callable[[str], str]:
    """A way that puts something between the letters of each word."""
    return lambda text: between.join(separator.join(word) for word in text.split())


def _stretched(word: str) -> str:
    place = next((place for place, letter in enumerate(word) if letter in "aeiou"), len(word) - 1)
    return word[:place] + word[place] * 4 + word[place + 1 :]


def _in_middle(mark: str) -> Callable[[str], str]:
    return long_words(lambda word: word[: len(word) // 2] + mark + word[len(word) // 2 :])


def _masked(word: str) -> str:
    place = next((place for place, letter in enumerate(word) if place and letter in "aeiou"), 0)
    return word[:place] + "*" + word[place + 1 :] if place else word


def _mixed_case(text: str) -> str:
    cases = cycle((str.upper, str.lower))
    return "".join(next(cases)(each) for each in text)


def _random_ignorables(text: str) -> str:
    chance = random.Random(len(text))
    hidden = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\ufe0f\U000e0041"
    return "".join(each + chance.choice(hidden) for each in text)


def _sampled(word: str) -> str:
    """The inner letters in another order."""
    return word[0] + "".join(random.Random(word).sample(word[1:-1], len(word) - 2)) + word[-1]


def _in_mixed_alphabets(text: str) -> str:
    chance = random.Random(len(text))
    firsts = (0x1D41A, 0x1D51E, 0x1D5BA, 0x1D68A, 0x1D552)
    return letters(lambda letter: chr(chance.choice(firsts) + ord(letter) - ord("a")))(text)


TURNED = dict(zip(map(ord, "abcdefghijklmnopqrstuvwxyz"), "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", strict=True))
SHOWN = str.maketrans({"o": "⭕", "u": "⛎", "s": "💲", "x": "❌", "t": "✝️", "c": "©️", "a": "🅰️", "b": "🅱️", "i": "ℹ️"})
DIGITS_OF_ODIA = str.maketrans({"o": "୦", "i": "୧", "s": "Ƽ", "e": "Ɛ"})

TITLES: dict[str, Callable[[str], str]] = {
    "zero-width spaces": behind("\u200b"),
    "zero-width joiners": behind("\u200d"),
    "soft hyphens": behind("\u00ad"),
    "word joiners": behind("\u2060"),
    "many default-ignorables": _random_ignorables,
    "variation selectors": behind("\ufe0e"),
    "tag characters": behind("\U000e0061"),
    "combining grapheme joiner": behind("\u034f"),
    "strike-through": behind("\u0336"),
    "overlay": behind("\u0338"),
    "enclosing circle": behind("\u20dd"),
    "stacked marks": letters(lambda letter: letter + ZALGO),
    "accents": lambda text: text.translate(ACCENTS),
    "fraktur": block(0x1D51E),
    "bold": block(0x1D41A),
    "script": block(0x1D4EA),
    "monospace": block(0x1D68A),
    "double-struck": block(0x1D552),
    "full-width": block(0xFF41),
    "circled": block(0x24D0),
    "parenthesised": block(0x249C),
    "squared": block(0x1F130),
    "negative squared": block(0x1F170),
    "regional indicators": letters(lambda letter: chr(0x1F1E6 + ord(letter.lower()) - ord("a")) + "\u200b"),
    "small capitals": lambda text: text.lower().translate(SMALL_CAPITALS),
    "Cyrillic look-alikes": lambda text: text.translate(LOOK_ALIKES),
    "Greek look-alikes": lambda text: text.translate(GREEK),
    "look-alikes of capitals": lambda text: text.translate(CAPITAL_SHAPES),
    "entities": letters(lambda letter: f"&#{ord(letter)};"),
    "entities in hexadecimal": letters(lambda letter: f"&#x{ord(letter):x};"),
    "entities of entities": letters(lambda letter: html.escape(f"&#{ord(letter)};")),
    "percent encoding": letters(lambda letter: f"%{ord(letter):02x}"),
    "tags inside words": _in_middle("<b></b>"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "narrow no-break spaces": lambda text: text.replace(" ", "\u202f"),
    "ideographic spaces": lambda text: text.replace(" ", "\u3000"),
    "Braille blanks": lambda text: text.replace(" ", "\u2800"),
    "underscores": lambda text: text.replace(" ", "_"),
    "line ends": lambda text: text.replace(" ", "\n"),
    "dots for blanks": lambda text: text.replace(" ", "."),
    "right-to-left override": lambda text: f"\u202e{text[::-1]}\u202c",
    "override of each word": lambda text: " ".join(f"\u202e{word[::-1]}\u202c" for word in text.split()),
    "spaced letters": apart(" "),
    "spaced letters alike": apart(" ", " "),
    "dots between letters": apart("."),
    "hyphens between letters": apart("-"),
    "underscores between letters": apart("_"),
    "emoji between letters": apart("😀"),
    "letters on lines": apart("\n"),
    "digits for letters": lambda text: text.translate(LEET),
    "symbols for letters": lambda text: text.translate(SYMBOLS),
    "stretched vowels": long_words(_stretched),
    "every letter doubled": long_words(lambda word: "".join(letter * 2 for letter in word)),
    "capitals": str.upper,
    "alternating capitals": _mixed_case,
    "masked vowels": long_words(_masked),
    "dot inside words": _in_middle("."),
    "hyphen inside words": _in_middle("-"),
    "emoji inside words": _in_middle("😀"),
    "no blanks": lambda text: text.replace(" ", ""),
    "CamelCase": lambda text: "".join(map(str.capitalize, text.split())),
    "upside down": lambda text: text.translate(TURNED)[::-1],
    "turned letters in order": lambda text: text.translate(TURNED),
    "words backwards": lambda text: " ".join(word[::-1] for word in text.split()),
    "all backwards": lambda text: text[::-1],
    "mixed mathematical alphabets": _in_mixed_alphabets,
    "emoji for letters": lambda text: text.translate(SHOWN),
    "digits of another script": lambda text: text.translate(DIGITS_OF_ODIA),
    "two blanks in a word": long_words(lambda word: f"{word[:2]} {word[2:-1]} {word[-1]}"),
    "dash between blanks": long_words(lambda word: f"{word[:2]} - {word[2:]}"),
    "pairs of letters on lines": long_words(
        lambda word: "\n".join(word[place : place + 2] for place in range(0, len(word), 2))
    ),
    "inner letters swapped": long_words(lambda word: word[0] + word[2] + word[1] + word[3:]),
    "inner letters in disorder": long_words(_sampled),
    "no vowels": long_words(lambda word: word[0] + "".join(each for each in word[1:] if each not in "aeiou")),
    "escapes": letters(lambda letter: f"\\u{ord(letter):04x}"),
    "escapes in hexadecimal": letters(lambda letter: f"\\x{ord(letter):02x}"),
    "quoted-printable": letters(lambda letter: f"={ord(letter):02X}"),
    "subscripts": lambda text: text.translate(str.maketrans("aehijklmnoprstuvx", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")),
    "superscripts": lambda text: text.translate(
        str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
    ),
    "Armenian look-alikes": lambda text: text.translate(str.maketrans("ounhgqs", "օսոհցզѕ")),
    "digits inside words": _in_middle("1"),
    "brackets": lambda text: " ".join("".join(f"[{each}]" for each in word) for word in text.split()),
    "look-alikes and zero-width spaces": lambda text: behind("\u200b")(text).translate(LOOK_ALIKES),
    "digits, spaced": lambda text: apart(" ")(text.translate(LEET)),
    "digits and look-alikes": lambda text: text.translate(LEET).translate(LOOK_ALIKES),
    "digits without blanks": lambda text: text.replace(" ", "").translate(LEET),
    "full-width, spaced": lambda text: apart(" ")(block(0xFF41)(text)),
    "stacked marks, spaced": lambda text: apart(" ")(letters(lambda letter: letter + ZALGO)(text)),
    "stretched look-alikes": lambda text: long_words(_stretched)(text).translate(LOOK_ALIKES),
    "stretched, spaced": lambda text: apart(" ")(long_words(_stretched)(text)),
    "bold without blanks": lambda text: block(0x1D41A)(text).replace(" ", ""),
    "masked in capitals": lambda text: long_words(_masked)(text).upper(),
    "spaced beside German": lambda text: apart(" ")(text) + "." + GERMAN,
    "beside German": lambda text: text + "." + GERMAN,
    "inside German": lambda text: f"Ein ruhiger Tag am See {text} mit der ganzen Familie",
    "beside Arabic": lambda text: ARABIC + text,
    "beside Russian": lambda text: f"Прогулка по вечерней Москве {text} с друзьями",
}
"""Each written into the title."""

UPLOADS: dict[str, Callable[[str], VideoUploaded]] = {
    "title, beside a German description": lambda text: upload(title=text, description=GERMAN),
    "description, below a German title": lambda text: upload(title=GERMAN[:60], description=text),
    "behind 20,000 characters": lambda text: upload(title="my day", description=CALM * 300 + text),
    "behind 110,000 characters": lambda text: upload(title="my day", description=numbered_days(1_500) + text),
    "title of 5,001 characters": lambda text: upload(title=CALM * 60 + text),
    "one hashtag a word": lambda text: upload(title="my day", hashtags=tuple(text.split())),
    "one hashtag": lambda text: upload(title="my day", hashtags=(text.replace(" ", ""),)),
    "behind 100 hashtags": lambda text: upload(
        title="my day", hashtags=(*(f"tag{number}" for number in range(100)), text.replace(" ", ""))
    ),
    "one hashtag of 201 characters": lambda text: upload(title="my day", hashtags=("x" * 150 + " " + text,)),
    "a sentence among harmless ones": lambda text: upload(title="my day", description=f"{CALM * 3}{text}. {CALM * 3}"),
}
"""Each hidden by its place."""


def numbered_days(number: int) -> str:
    """Sentences that do not repeat themselves."""
    return "".join(f"On day {day} we went to lake {day * 7} and swam until the evening came. " for day in range(number))


def upload(title: str = "", description: str = "", hashtags: tuple[str, ...] = ()) -> VideoUploaded:
    """An upload with this text."""
    return VideoUploaded(
        video_id="v", source=FileSource(path="/v.mp4"), title=title, description=description, hashtags=hashtags
    )
