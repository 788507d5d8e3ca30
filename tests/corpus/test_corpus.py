"""Every sampled picture and stretch of sound against a plain decode of everything. The full corpus: `make corpus`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clip_facts import CLIP_FACTS
from tests.corpus.cases import FEW, FOUND, Case, every_case
from tests.corpus.oracle import compared
from tests.decoded_here import decoded_here


@pytest.mark.parametrize("case", (*FEW, *FOUND), ids=lambda case: case.name)
def test_what_is_sampled_is_what_is_shown(case: Case, tmp_path: Path) -> None:
    """Same pictures, same times, nothing of the planned timeline missing, and shares that report it."""
    assert compared(case, tmp_path).faults == []


def test_the_corpus_is_wide() -> None:
    """The full form has at least 250 files, each another one."""
    cases = list(every_case())
    assert len(set(cases)) == len(cases) >= 250
    assert {case.suffix for case in cases} == {case.suffix for case in FEW}


@pytest.mark.parametrize("name", CLIP_FACTS)
def test_no_sample_clip_is_for_a_person_by_its_shares(name: str, samples: Path) -> None:
    """Every share is one, to within a packet, and nothing is unseen."""
    found = decoded_here(samples / name)
    assert found.receipt is not None and found.index is not None
    for seen in (found.receipt.video, found.receipt.audio):
        if seen is not None:
            assert seen.seen_ratio >= 0.97
    assert found.index.unseen == ()
