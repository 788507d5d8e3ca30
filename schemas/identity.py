"""Identity of a video and its revisions."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.markets import MARKET_WORDS, near_market
from schemas.patterns import END

VideoId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9._:~-]+" + END,
        description="Key of every topic and Redis key of one video; no braces, as they tag Redis hashes.",
        extra={"allowed": "1 to 128 of the characters A-Z a-z 0-9 . _ : ~ -"},
    ),
]
Revision = Annotated[int, Meta(ge=1, le=2**53 - 1, description="The producer's version number of a video's content.")]
UnixSeconds = Annotated[float, Meta(description="Seconds since 1970-01-01T00:00:00Z.")]
Seconds = Annotated[float, Meta(ge=0.0, description="A duration or a place on the video's time line.")]
Score = Annotated[float, Meta(ge=0.0, le=1.0, description="0 is surely not, 1 is surely; calibrated as the card says.")]
Share = Annotated[float, Meta(ge=0.0, le=1.0, description="A part of a whole.")]
Market = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2}" + END,
        description="ISO 3166-1 alpha-2 country code.",
        extra={"allowed": MARKET_WORDS, "meant": near_market},
    ),
]

Modality = Literal["frames", "audio", "motion", "context"]
MODALITIES: tuple[Modality, ...] = ("frames", "audio", "motion", "context")
"""Every modality, in the order in which documents and tables list them."""

Lane = Literal["live", "backfill"]
