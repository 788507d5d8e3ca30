"""One question to a web origin, as its tests put it."""

from __future__ import annotations

from typing import Any

import pytest

from operators.errors import InvalidMedia, MediaCause
from schemas.uploads import UrlSource
from tests.support.http_origin import Behaviour
from tests.unit.operators.media.sources.conftest import Opening, content

NO_RANGES = Behaviour(accepts_ranges=False)


async def read(opened: Opening, url: str, **words: Any) -> bytes:
    """The whole of what is at `url`."""
    async with opened(UrlSource(url=url), **words) as media:
        return await content(media)


async def cause_of(opened: Opening, url: str, **words: Any) -> MediaCause:
    """Why it is refused."""
    with pytest.raises(InvalidMedia) as caught:
        await read(opened, url, **words)
    return caught.value.cause
