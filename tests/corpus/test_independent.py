"""What is sampled against decoders that are not FFmpeg, where they are installed: see `independent`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.cases import Case
from tests.corpus.independent import CASES, DECODERS, agreement, decoder_of

CHECKED = tuple(next(case for case in CASES if case.codec.split()[0] == codec) for codec in DECODERS)
"""One of each codec; all of them: `make corpus`."""


@pytest.mark.parametrize("case", CHECKED, ids=lambda case: case.name)
def test_another_decoder_shows_the_same(case: Case, tmp_path: Path) -> None:
    """The same pictures in the same order."""
    decoder = decoder_of(case)
    if not decoder.is_here():
        pytest.skip(f"{decoder.name} is not installed ({decoder.package})")
    result = agreement(case, tmp_path)
    assert result.faults == []
    assert result.num_compared >= 3
