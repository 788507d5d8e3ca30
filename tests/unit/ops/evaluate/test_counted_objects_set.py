"""Pictures with things in known numbers: what is drawn, and what is compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.evaluation_set import NotMeasurable
from ops.evaluate.judgements import Amount
from ops.evaluate.product import Analysed
from ops.evaluate.sets.counted_objects import (
    FITTED,
    GROUPS,
    PORTRAIT,
    CountedObjects,
    CountedPicture,
    cut_outs,
    judgements,
    wanted_pictures,
)
from schemas.evidence import Feature
from schemas.facts import Signal
from tests.evaluation_runs import evaluation_run


def said(**numbers: int) -> Analysed:
    features = {
        f"visual.max_{group}": Feature(value=number, event_unix_seconds=0.0, model="m@1")
        for group, number in numbers.items()
    }
    signal = Signal(
        signal_id="s",
        video_id="v",
        revision=1,
        modality="frames",
        status="ok",
        generation=1,
        fingerprint="f",
        produced_unix_seconds=0.0,
        features=features,
    )
    return Analysed("item", (signal,), 0.25)


class TestPictures:
    def test_halves(self, tmp_path: Path) -> None:
        """Each half has pictures of vehicles, animals and objects; one cut-out is in one half alone."""
        pictures = wanted_pictures(evaluation_run(tmp_path))
        groups = [
            {group for each in pictures if each.is_held_out == half for group in each.truth} for half in (True, False)
        ]
        assert all({"vehicles", "animals", "objects"} <= found for found in groups)
        halves = {
            each.cut_out: {other.is_held_out for other in pictures if other.cut_out == each.cut_out}
            for each in pictures
        }
        assert all(len(found) == 1 for cut_out, found in halves.items() if cut_out)

    def test_a_seed_draws_the_same(self, tmp_path: Path) -> None:
        """A small run depends on its seed and has each cut-out once."""
        first, again, other = (wanted_pictures(evaluation_run(tmp_path, size="small", seed=seed)) for seed in (1, 1, 2))
        assert first == again != other
        assert sorted(each.cut_out for each in first if each.cut_out) == sorted(cut_outs())

    def test_nothing_fetched(self, tmp_path: Path) -> None:
        """Without the pictures the set says how to get them."""
        with pytest.raises(NotMeasurable, match="make evaluation-data"):
            list(CountedObjects(lambda *_: []).judge(evaluation_run(tmp_path)))

    def test_drawn(self, tmp_path: Path) -> None:
        """A picture holds as many cut-outs as it says, apart from each other."""
        for name, colour in (("brick.png", 0), ("grass.png", 0), ("gravel.png", 0)):
            path = ARCHIVES["scikit-image"].folder(tmp_path) / "skimage/data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (64, 64), colour).save(path)
        Image.new("RGB", (512, 512), (255, 255, 255)).save(ARCHIVES["scikit-image"].folder(tmp_path) / PORTRAIT)
        for cut_out in set(cut_outs()) - {PORTRAIT}:
            path = ARCHIVES["stamps"].folder(tmp_path) / cut_out
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGBA", (40, 40), (255, 255, 255, 255)).save(path)
        white: dict[str, int] = {}

        def count(files: dict[str, Path], *_: object) -> list[Analysed]:
            for item, path in files.items():
                with Image.open(path) as opened:
                    white[item] = sum(value > 128 for value in opened.convert("L").getdata())
            return [said() for _ in files]

        pictures = wanted_pictures(evaluation_run(tmp_path))
        list(CountedObjects(count).judge(evaluation_run(tmp_path)))  # type: ignore[arg-type]
        least = round((0.6 * 270) ** 2 * 0.7)
        assert all(white[each.item] >= each.number * least for each in pictures)
        assert all(white[each.item] == 0 for each in pictures if not each.cut_out)


class TestJudgements:
    def test_every_group(self) -> None:
        """What is not shown is 0, and what nobody counts is abstained from."""
        picture = CountedPicture(PORTRAIT, {"people": 2, "faces": 2}, 2, "grass.png")
        found = [each for each in judgements(picture, said(people=3, faces=2, animals=1)) if isinstance(each, Amount)]
        half = "" if picture.is_held_out else FITTED
        assert [(each.subject, each.truth, each.said) for each in found] == [
            (f"number of people{half}", 2.0, 3.0),
            (f"number of faces{half}", 2.0, 2.0),
            (f"number of vehicles{half}", 0.0, None),
            (f"number of animals{half}", 0.0, 1.0),
            (f"number of objects{half}", 0.0, None),
        ]

    def test_subjects(self) -> None:
        """Each group is judged in both halves."""
        assert len(CountedObjects.subjects) == 2 * len(GROUPS)
