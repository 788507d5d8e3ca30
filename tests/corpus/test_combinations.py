"""Combinations that nobody wrote down: container, codec, structure, change, size, rotation and sound.

A few in continuous integration, from a fixed seed; `make corpus-combinations` draws many more, new ones each time.
"""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.corpus.cases import (
    CHANGES,
    CODECS,
    CONTAINERS,
    EVEN,
    LARGE,
    SMALL,
    STRUCTURES,
    Case,
    Change,
    Layout,
)
from tests.corpus.oracle import compared
from tests.corpus.truth import trimmed_seconds

IS_FULL = os.environ.get("VIDSIGNAL_CORPUS") == "full"
NUM_EXAMPLES = 300 if IS_FULL else 8
MAX_PICTURES = 150
"""The comparison keeps every picture of a file: at most 52 MB of them."""
MEMORY_BYTES = 4 * 2**30
"""Address space that an example may add: a file that asks for more is a fault of the product or of the comparison."""
_LATE: tuple[Change, ...] = ("late sound", "late pictures")
_PARTS: tuple[Change, ...] = ("twice", "after another")
_TURNED = ("mp4", "mov")
"""Containers into which FFmpeg writes a display matrix."""
_LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "aac": ("mono", "stereo", "5.1"),
    "pcm_s16le": ("mono", "stereo", "5.1"),
    "flac": ("mono", "stereo", "5.1"),
    "libopus": ("mono", "stereo"),
    "libmp3lame": ("mono", "stereo"),
    "mp2": ("mono", "stereo"),
}


def is_possible(case: Case) -> bool:
    """Whether container and codec can hold it, and whether anybody can know how long a part's last picture stands."""
    needs_even = CONTAINERS[case.suffix][2] or CODECS[case.codec].only_even
    if case.change in _PARTS and case.structure != "25 a second":
        return False
    if case.change in _LATE and not case.has_sound:
        return False
    if case.change == "trimmed" and case.has_sound and not trimmed_seconds(case):
        return False  # the whole track is analysed, with its own times; the comparison knows those of pictures only
    if case.structure in ("one far behind", "a gap") and case.change != "as it is":
        return False
    return case.structure in EVEN or not needs_even


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case, most of which no list holds."""
    suffix = draw(st.sampled_from(sorted(CONTAINERS)))
    changes: list[Change] = ["as it is", *(change for change, suffixes in CHANGES.items() if suffix in suffixes)]
    short = sorted(name for name, times in STRUCTURES.items() if len(times) <= MAX_PICTURES)
    return Case(
        suffix,
        draw(st.sampled_from(CONTAINERS[suffix][0])),
        draw(st.sampled_from(short)),
        draw(st.sampled_from(changes)),
        draw(st.sampled_from((SMALL, SMALL, LARGE, (96, 160), (176, 144)))),
        draw(st.booleans()),
        draw(st.sampled_from((0, 90, 180, 270) if suffix in _TURNED else (0,))),
        draw(st.sampled_from(_LAYOUTS[CONTAINERS[suffix][1]])),
    )


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """An example that asks for more fails instead of the machine."""
    before, pages = resource.getrlimit(resource.RLIMIT_AS), int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@settings(
    max_examples=NUM_EXAMPLES,
    derandomize=not IS_FULL,
    deadline=None,
    phases=[Phase.generate],  # a case says by itself what it is, and to look for a smaller one takes many more
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(case=cases().filter(is_possible))
def test_any_combination_is_seen_as_it_is_shown(case: Case) -> None:
    """The same as for the listed cases: pictures, times, sound and shares, against a full decode and the generator."""
    with tempfile.TemporaryDirectory() as folder:
        assert compared(case, Path(folder)).faults == []
