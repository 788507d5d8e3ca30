"""What logs and messages call a source."""

from __future__ import annotations

import pytest

from operators.media.sources.source_registry import source_name
from schemas.uploads import FileSource, MediaSource, ObjectSource, UrlSource


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (FileSource(path="a/clip.mp4"), "a/clip.mp4"),
        (UrlSource(url="https://CDN.example/a.mp4?sig=hush#hush"), "https://cdn.example:443/a.mp4"),
        (UrlSource(url="https://u:hush@cdn.example/a.mp4"), "an address that is refused"),
        (ObjectSource(url="s3://uploads/a.mp4"), "s3://uploads/a.mp4"),
    ],
)
def test_shows_no_secret(source: MediaSource, name: str) -> None:
    """Neither query nor user name nor fragment."""
    assert source_name(source) == name
