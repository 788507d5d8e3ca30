"""The set of copies: what its videos are made of, and which pairs are strangers."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.copied.bare_contents import BARE, bare_contents
from ops.evaluate.copied.contents import HEIGHT_PX, NUM_CUT_OUTS, WIDTH_PX, Material, content
from ops.evaluate.copied.kinds import KINDS
from ops.evaluate.judgements import Amount, Decided
from ops.evaluate.sets.copies import (
    EMBEDDING,
    NUM_CONTENTS,
    NUM_OTHERS,
    PHOTOGRAPHS,
    SeenVideo,
    copy_judgements,
    materials_of,
    stranger_judgements,
)
from streams.similarity.video_hashes import HashedPicture
from tests.evaluation_runs import evaluation_run

RANDOM = np.random.default_rng(5)
VALUES = [int.from_bytes(RANDOM.bytes(32), "big") for _ in range(8)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The packages' folders, with small pictures."""
    for package, number, channels in (*((name, 12, 3) for name in PHOTOGRAPHS), ("stamps", 400, 4)):
        side = 24 if package == "stamps" else 256
        folder = ARCHIVES[package].folder(tmp_path)
        folder.mkdir(parents=True)
        for at in range(number):
            cv2.imwrite(str(folder / f"{at}.png"), RANDOM.integers(0, 256, (side, side, channels), dtype=np.uint8))
    return tmp_path


class TestMaterials:
    def test_no_picture_twice(self, data_dir: Path) -> None:
        """Not in two contents, nor in what is around the copies."""
        contents, others = materials_of(evaluation_run(data_dir))

        used = [path for each in (*contents, *others) for path in (each.photograph, *each.cut_outs) if path is not None]
        assert len(used) == len(set(used))
        assert (len(contents), len(others)) == (NUM_CONTENTS["full"], NUM_OTHERS)
        assert sum(each.photograph is not None for each in contents) == 12 * len(PHOTOGRAPHS)

    def test_content(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two shots that move; the same seed gives the same frames, another gives others."""
        monkeypatch.setattr("ops.evaluate.copied.contents.LENGTH_SECONDS", 0.5)
        stamps = sorted(ARCHIVES["stamps"].folder(data_dir).glob("*.png"))[:NUM_CUT_OUTS]
        photograph = ARCHIVES[PHOTOGRAPHS[0]].folder(data_dir) / "0.png"
        first, again, other = (content(Material("a", photograph, stamps), seed) for seed in (1, 1, 2))

        assert {frame.shape for frame in first} == {(HEIGHT_PX, WIDTH_PX, 3)}
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind(name: str) -> None:
    """Has frames that can be encoded, which are not those of the original."""
    picture = RANDOM.integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    frames, other = [picture] * 12, [picture[::-1]] * 12
    made = KINDS[name].make(frames, other, np.random.default_rng(1))

    assert made.frames
    assert min(made.frames[0].shape[:2]) >= 100
    is_same = len(made.frames) == len(frames) and np.array_equal(made.frames[0], frames[0])
    assert is_same == name.startswith("quality")


def seen(content: str, kind: str, value: int, embedding: tuple[float, float], *holds: str) -> SeenVideo:
    hashes = {"whole": tuple(HashedPicture(float(at), (value ^ at << 64,), (90,)) for at in range(4))}
    return SeenVideo(content, kind, frozenset((content, *holds)), 0.0, hashes, np.array(embedding))


class TestJudgements:
    def test_copies(self) -> None:
        """A copy that hashes find, one that is a candidate alone, and where the original begins."""
        original = seen("content-0", "original", VALUES[0], (1.0, 0.0))
        found = replace(seen("content-0", "found", VALUES[0], (1.0, 0.0)), begins_seconds=2.0)
        alike = seen("content-0", "alike", VALUES[1], (0.9, 0.43))
        said = list(copy_judgements([original, found, alike], has_reference=True))

        decided = {(each.kind, each.method): each.said for each in said if isinstance(each, Decided)}
        assert decided == {
            ("found", "vidsignal"): True, ("found", EMBEDDING): True,
            ("alike", "vidsignal"): False, ("alike", EMBEDDING): True,
        }  # fmt: skip
        assert [(each.truth, each.said) for each in said if isinstance(each, Amount)] == [(2.0, 0.0)]

    def test_strangers(self) -> None:
        """Pairs that share a content, or the video around them, are none."""
        videos = [
            seen("content-0", "original", VALUES[0], (1.0, 0.0)),
            seen("content-0", "inside", VALUES[1], (1.0, 0.0), "other-1"),
            seen("content-1", "inside", VALUES[2], (0.0, 1.0), "other-1"),
        ]
        (said,) = stranger_judgements(videos, random.Random(1), 9)

        assert (said.item, said.said) == ("content-0, original / content-1, inside", False)

    def test_all_pairs_that_show_little(self) -> None:
        """Are judged, however few are drawn: captions on soft grounds are what hashes take for copies."""
        bare = [seen(f"{name} 0", "original", value, (1.0, 0.0)) for name, value in zip(BARE, VALUES, strict=False)]
        videos = [*bare, seen("content-0", "original", VALUES[6], (0.0, 1.0))]
        said = list(stranger_judgements(videos, random.Random(1), 1))

        assert sorted(each.kind for each in said) == ["", *["soft grounds and text"] * 6]


def test_bare_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of each kind, no two alike, the same again from the same seed."""
    monkeypatch.setattr("ops.evaluate.copied.bare_contents.LENGTH_SECONDS", 0.4)
    first, again = bare_contents(1, 2), bare_contents(1, 2)

    assert len(first) == len(BARE) * 2
    assert {frame.shape for frames in first.values() for frame in frames} == {(HEIGHT_PX, WIDTH_PX, 3)}
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert len({frames[0].tobytes() for frames in first.values()}) == len(first)
