"""Damaged files cost themselves only, and do not pass as seen. 2,000 of them: `make corpus-mutated`."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.mutations import outcomes


async def test_what_a_plain_decoder_does_not_get_does_not_pass(tmp_path: Path) -> None:
    """200 files of ten kinds: no decoder process is lost, no modality passes of which more than a tenth is missing."""
    results = await outcomes(range(200), tmp_path)
    assert [result for result in results if result.overclaimed or result.lost] == []
    assert sum(all(result.passed.get(kind) for kind in result.got) for result in results) > 20
