"""Content of a signal: scored labels with evidence in time, features, embeddings."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.identity import Modality, Score, Seconds, Share, UnixSeconds


class Segment(Struct, frozen=True, kw_only=True):
    """A time range [start_seconds, end_seconds) of the video that supports a label."""

    start_seconds: Seconds
    end_seconds: Seconds
    score: Score


TextPart = Literal["title", "description", "hashtags", "speech", "picture"]
"""Field of the upload that contains a text; or what is said, or what a picture shows in writing."""

TextForm = Literal["as written", "as it reads"]
"""Whether the words are in the text, or are what a reader perceives instead of other characters: look-alikes, entities,
spaced letters, digits for letters."""


class TextMatch(Struct, frozen=True, kw_only=True):
    """Where in an upload's text a label was found."""

    part: TextPart
    form: TextForm
    words: tuple[str, ...] = ()
    """Words with the highest weight, at most five, in the letters as they are read; never the text around them."""


class SecondLook(Struct, frozen=True, kw_only=True):
    """Result of scoring frames around a sampled one, if this one frame would decide about a label."""

    at_seconds: Seconds
    """Time of the sampled frame."""
    num_frames: int
    """Number of scored frames, the sampled one included; 1 if there are no others."""
    num_agree: int
    """How many of them show the label, the sampled one included."""
    is_cleared: bool
    """Whether none of the others shows the label, although enough of them show the same picture: then the frame's own
    score does not count for the label."""


class FrameBox(Struct, frozen=True, kw_only=True):
    """A rectangle of a frame, from its upper left corner, in shares of its width and height."""

    left: Share
    top: Share
    right: Share
    bottom: Share


class Region(Struct, frozen=True, kw_only=True, rename={"class_name": "class"}):
    """A rectangle of one frame in which a model found something."""

    model: str
    """`name@version`."""
    class_name: str
    """The model's own word for it."""
    score: Score
    at_seconds: Seconds
    """Time of the frame."""
    box: FrameBox


class TextFound(Struct, frozen=True, kw_only=True):
    """A text that a model read in the picture or heard in the sound.

    It is in no signal and no verdict: it is kept apart, if at all.
    """

    model: str
    """`name@version`."""
    text: str
    score: Score
    """Mean probability of its characters."""
    start_seconds: Seconds
    end_seconds: Seconds
    box: FrameBox | UnsetType = UNSET
    """Where in the frame, if the model was shown only a part of it."""
    language: str | UnsetType = UNSET
    """ISO 639 code, if the model knows it."""


UNMEASURED: Final = "unmeasured"
SHADOW: Final = "shadow"
JUDGED: Final = "judged"
JUDGE: Final = "judge"
"""Name in `name@version` of a chat model's answers; the version is that of the policy's judge."""

JudgeWord = Literal["yes", "no", "unsure"]
AskedFor = Literal["band", "random"]


class JudgeAnswer(Struct, frozen=True, kw_only=True):
    """A chat model's answer to whether a video shows a label."""

    answer: JudgeWord
    asked_for: AskedFor
    """`band`: the label's score was uncertain; `random`: the video belongs to the random share."""


class FusedPart(Struct, frozen=True, kw_only=True):
    """One piece of evidence that fused evidence was made from."""

    modality: Modality
    label: str
    model: str
    """`name@version`."""
    score: Score
    """At the moment of the highest fused score."""


class LabelEvidence(Struct, frozen=True, kw_only=True):
    """One label of the taxonomy with its highest score and where that was seen or heard."""

    label: str
    score: Score
    model: str
    """`name@version` of the model that produced it."""
    segments: tuple[Segment, ...] = ()
    """Strongest first; empty for text, which has no time."""
    text: TextMatch | UnsetType = UNSET
    """For a label of the text, if its score may matter; left out otherwise."""
    second_vote: Score | UnsetType = UNSET
    """For a label of the text by a model that goes by single words: how likely the same passages are abusive by
    comparison with prototypes; left out if they were not compared."""
    second_look: SecondLook | UnsetType = UNSET
    """For a label of a frame, if its score is high enough to matter; left out otherwise."""
    uncalibrated: bool | UnsetType = UNSET
    """True for a score that was never compared with labelled material, such as one from a sentence: thresholds mean
    little for it. Left out otherwise."""
    held_back: str | UnsetType = UNSET
    """Why the score takes no part in decisions: `unmeasured`, if no labelled material showed what it means, unless the
    policy says otherwise; `shadow`, if a new way to compute it is on trial; `judged`, if it is a chat model's answer.
    Left out otherwise."""
    judgement: JudgeAnswer | UnsetType = UNSET
    """For a chat model's answer: 1 stands for yes, 0.5 for unsure, 0 for no. Left out otherwise."""
    regions: tuple[Region, ...] | UnsetType = UNSET
    """For a label of objects: where they are, strongest first; left out otherwise."""
    fused_from: tuple[FusedPart, ...] | UnsetType = UNSET
    """For evidence that was fused from several modalities: what it was made from, by modality; left out otherwise."""


class Feature(Struct, frozen=True, kw_only=True):
    """One value for a recommender, with its time and origin."""

    value: Any
    """As `schemas.features.FEATURES` declares it."""
    event_unix_seconds: UnixSeconds
    """When the described event happened: the broker's time of the upload."""
    model: str
    """`name@version` of the model or algorithm that produced it."""


class Embedding(Struct, frozen=True, kw_only=True):
    """A vector in a named space; vectors of different spaces are never compared."""

    space: str
    dimensions: Annotated[int, Meta(ge=1)]
    values: str
    """Base64 of `dimensions` little-endian IEEE 754 half-precision numbers."""
    event_unix_seconds: UnixSeconds
    model: str

    @classmethod
    def pack(cls, vector: Sequence[float], *, space: str, model: str, event_unix_seconds: float) -> Embedding:
        """Create an embedding from numbers. Raises ValueError if one is not finite or does not fit a half float."""
        numbers = [float(number) for number in vector]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"embedding of space {space!r} holds a number that is not finite")
        try:
            packed = struct.pack(f"<{len(numbers)}e", *numbers)
        except OverflowError as error:
            raise ValueError(f"embedding of space {space!r} holds a number beyond ±65504") from error
        return cls(
            space=space,
            dimensions=len(numbers),
            values=base64.b64encode(packed).decode("ascii"),
            event_unix_seconds=event_unix_seconds,
            model=model,
        )

    def unpack(self) -> tuple[float, ...]:
        """Return the numbers. Raises ValueError if the text does not contain `dimensions` of them."""
        packed = base64.b64decode(self.values, validate=True)
        if len(packed) != 2 * self.dimensions:
            raise ValueError(f"expected {2 * self.dimensions} bytes for {self.dimensions} numbers, got {len(packed)}")
        return struct.unpack(f"<{self.dimensions}e", packed)
