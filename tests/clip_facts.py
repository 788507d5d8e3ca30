"""What is true of each sample clip, found by looking at the frames around cuts, at spectrograms, at the container.

Nothing here was copied from what the product says. Where a person cannot tell for certain (is that rattle a hammer or a
hen?), nothing is stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]
"""Both ends belong to it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is heard."""

    speech_ratio: Range = (0.0, 1.0)
    """Share of time in which somebody talks."""
    music_ratio: Range = (0.0, 1.0)
    first_voice_seconds: Range | None = None
    """When the first words fall."""
    loudest_event: str | None = None
    """AudioSet's name of what dominates, silence left aside."""
    is_silent_at_first: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is seen."""

    width_px: int
    height_px: int
    duration_seconds: float
    cuts_seconds: tuple[float, ...] = ()
    """When the first frame of a new shot is shown, counted from the first frame of the clip."""
    shown: tuple[str, ...] = ()
    """What fills a good part of the picture, as classes of ImageNet and COCO and what several share; a tag names
    one of them."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """A clip as a person knows it."""

    pictures: Pictures | None
    sound: Sound | None
    language: str | None
    """Of the upload's text; None where there is none, or one word that exists in several languages."""
    has_text: bool = True


_SPEECH = Sound(speech_ratio=(0.5, 0.8), music_ratio=(0.0, 0.1), first_voice_seconds=(0.8, 1.4), loudest_event="Speech")
_TELEPHONE = Sound(
    speech_ratio=(0.6, 0.85),
    music_ratio=(0.0, 0.1),
    first_voice_seconds=(6.4, 7.9),
    loudest_event="Speech",
    is_silent_at_first=True,
)
_APPLAUSE = Sound(speech_ratio=(0.0, 0.1), music_ratio=(0.0, 0.2), loudest_event="Applause")
_SUITS = ("Windsor tie", "suit", "person", "tie")
_DRIVER = ("bow tie", "seat belt", "suit", "person", "tie", "car")
_STREET = ("bicycle", "car", "person", "truck")
_BIKE_CUTS_SECONDS = (1.20, 3.04, 5.48, 7.48, 9.68)
_CITY_CUTS_SECONDS = (4.64,)

CLIP_FACTS: Mapping[str, ClipFacts] = {
    # One take. Soft strings; nobody says a word, but the rabbit yawns.
    "bigbuckbunny.mp4": ClipFacts(
        Pictures(1280, 720, 5.3), Sound(speech_ratio=(0.0, 0.4), music_ratio=(0.3, 1.0), loudest_event="Music"), "en"
    ),
    # A van from above, a man between cars, a taxi and a cyclist, a railing, a bicycle at a wall, spokes.
    "bikes.mp4": ClipFacts(Pictures(640, 272, 10.0, cuts_seconds=_BIKE_CUTS_SECONDS, shown=_STREET), None, "de"),
    # Not square pixels: 176 stored ones are 192.5 wide.
    "carphone_pristine.mp4": ClipFacts(Pictures(193, 144, 4.0, shown=_DRIVER), None, "en"),
    "carphone_distorted.mp4": ClipFacts(Pictures(193, 144, 4.0, shown=_DRIVER), None, "en"),
    # Two men in suit and tie. He begins to speak after a second of silence.
    "obama_speech.mp4": ClipFacts(Pictures(320, 240, 8.75, shown=_SUITS), _SPEECH, "en"),
    # The display of an alarm clock, then a cat that is in yellow light.
    "shot_change.mp4": ClipFacts(
        Pictures(640, 360, 4.94, cuts_seconds=(3.20,), shown=("digital clock", "clock", "cat")),
        Sound(speech_ratio=(0.0, 0.3), music_ratio=(0.0, 0.3)),
        "es",
    ),
    # One take of a machine of building bricks, that rattles.
    "small.mp4": ClipFacts(Pictures(560, 320, 5.57), Sound(speech_ratio=(0.0, 0.3)), "en"),
    # Half a second, one word of text. Two people on a lawn, far away.
    "park.mp4": ClipFacts(Pictures(640, 480, 0.6, shown=("person",)), Sound(speech_ratio=(0.0, 0.3)), None),
    # Its first timestamp is 0.54 s; the second tower is the picture from 5.18 s on.
    "cityCC0.mpg": ClipFacts(Pictures(720, 405, 7.6, cuts_seconds=_CITY_CUTS_SECONDS), None, "ja"),
    "crowd.mp3": ClipFacts(None, _APPLAUSE, "en"),
    "sample.wav": ClipFacts(None, _TELEPHONE, None, has_text=False),
    "city-ovation.webm": ClipFacts(Pictures(720, 404, 7.6, cuts_seconds=_CITY_CUTS_SECONDS), _APPLAUSE, "en"),
    # The same four seconds seven times over: each beginning is a jump.
    "car-telephone.mkv": ClipFacts(
        Pictures(176, 144, 28.0, cuts_seconds=(4.0, 8.0, 12.0, 16.0, 20.0, 24.0), shown=_DRIVER), _TELEPHONE, "en"
    ),
    "bikes-portrait.mp4": ClipFacts(
        Pictures(152, 272, 10.0, cuts_seconds=_BIKE_CUTS_SECONDS, shown=_STREET), None, "fr"
    ),
    "speech-over-music.mov": ClipFacts(
        Pictures(320, 240, 8.75, shown=_SUITS),
        Sound(speech_ratio=(0.5, 0.85), music_ratio=(0.3, 1.0), first_voice_seconds=(0.0, 1.4), loudest_event="Speech"),
        "en",
    ),
}

SAME_PICTURES = (
    ("carphone_pristine.mp4", "carphone_distorted.mp4"),
    ("cityCC0.mpg", "city-ovation.webm"),
    ("obama_speech.mp4", "speech-over-music.mov"),
)
"""Clips whose first frames show the same, in another quality, size or codec."""
