"""Damaged files cost themselves only, and do not pass as seen. More of them: `python -m tests.corpus.mutations`."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.mutations import outcomes


async def test_what_a_plain_decoder_does_not_get_does_not_pass(tmp_path: Path) -> None:
    """200 files of ten kinds: no decoder process is lost, no modality passes of which more than a tenth is missing."""
    results, num_lost = await outcomes(200, tmp_path)
    assert num_lost == 0
    assert [(result.name, result.overclaimed, result.got) for result in results if result.overclaimed] == []
    assert sum(all(result.passed.get(kind) for kind in result.got) for result in results) > 20
