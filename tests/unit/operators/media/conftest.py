"""What several tests of decoding ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from operators.media.pool import DecoderPool


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process with the limits that ship."""
    from operators.media.limits import DecodeLimits
    from operators.media.pool import DecoderPool

    pool = DecoderPool(1, DecodeLimits())
    await pool.open()
    yield pool
    await pool.close()
