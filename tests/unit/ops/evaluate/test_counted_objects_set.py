"""Pictures with things in known numbers: what is drawn, and what is compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.evaluation_set import NotMeasurable
from ops.evaluate.face_pictures import (
    ALTERATIONS,
    FACE_BOX,
    FACE_HEIGHTS_PX,
    PICTURE_PX,
    PORTRAIT,
    PORTRAIT_BOX,
    FacePicture,
    face_pictures,
    write_face,
)
from ops.evaluate.judgements import PRODUCT, Amount, Decided
from ops.evaluate.product import Analysed
from ops.evaluate.sets.counted_objects import (
    FACE,
    FACE_BY_HEIGHT,
    FITTED,
    GROUPS,
    CountedObjects,
    CountedPicture,
    cut_outs,
    face_judgements,
    judgements,
    wanted_pictures,
)
from schemas.evidence import Feature
from tests.evaluation_runs import evaluation_run
from tests.sample_facts import signal


def said(**numbers: int) -> Analysed:
    features = {
        f"visual.max_{group}": Feature(value=number, event_unix_seconds=0.0, model="m@1")
        for group, number in numbers.items()
    }
    return Analysed("item", (signal(features=features),), 0.25)


def write_surfaces_and_portrait(data_dir: Path) -> None:
    """Black surfaces, and a portrait that is white."""
    folder = ARCHIVES["scikit-image"].folder(data_dir)
    (folder / "skimage/data").mkdir(parents=True)
    for name in ("brick.png", "grass.png", "gravel.png"):
        Image.new("L", (64, 64), 0).save(folder / "skimage/data" / name)
    Image.new("RGB", (512, 512), (255, 255, 255)).save(folder / PORTRAIT)


def drawn_face(alteration: str, height_px: int, data_dir: Path) -> Image.Image:
    target = data_dir / "drawn.png"
    write_face(FacePicture(alteration, height_px, "grass.png"), data_dir, 1, target)
    with Image.open(target) as opened:
        return opened.convert("L")


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
        write_surfaces_and_portrait(tmp_path)
        for cut_out in set(cut_outs()) - {PORTRAIT}:
            path = ARCHIVES["stamps"].folder(tmp_path) / cut_out
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGBA", (40, 40), (255, 255, 255, 255)).save(path)
        white: dict[str, int] = {}

        def count(files: dict[str, Path], *_: object) -> list[Analysed]:
            for item, path in files.items():
                with Image.open(path) as opened:
                    white[item] = sum(value > 128 for value in opened.convert("L").tobytes())
            return [said() for _ in files]

        run = evaluation_run(tmp_path, size="small")
        pictures = wanted_pictures(run)
        list(CountedObjects(count).judge(run))  # type: ignore[arg-type]
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
        """Each group is judged in both halves, and faces twice more."""
        assert len(CountedObjects.subjects) == 2 * len(GROUPS) + 2

    @pytest.mark.parametrize("number", [0, 1])
    def test_false_alarm(self, number: int) -> None:
        """A picture without a face tells whether one is found all the same."""
        found = judgements(CountedPicture("", {}, 0, "grass.png"), said(faces=number))
        assert [each for each in found if isinstance(each, Decided)] == [
            Decided(FACE, "nothing x0 on grass.png", PRODUCT, "no face", truth=False, said=bool(number))
        ]

    def test_no_false_alarm_where_a_face_is(self) -> None:
        """Pictures with faces in known numbers are judged by the number alone."""
        found = judgements(CountedPicture(PORTRAIT, {"people": 1, "faces": 1}, 1, "grass.png"), said(faces=1))
        assert not any(isinstance(each, Decided) for each in found)

    @pytest.mark.parametrize("number", [0, 1])
    def test_face(self, number: int) -> None:
        """A face is found or not, by its alteration and by its height."""
        found = list(face_judgements(FacePicture("dark", 48, "grass.png"), said(faces=number)))
        assert [(each.subject, each.kind, each.truth, each.said) for each in found] == [
            (FACE, "dark", True, bool(number)),
            (FACE_BY_HEIGHT, "48 pixels", True, bool(number)),
        ]


class TestFaces:
    def test_every_alteration_in_every_height(self) -> None:
        """A full run has each on each surface, a small one each alteration once, drawn by the seed."""
        full = face_pictures("full", 1)
        assert len({each.item for each in full}) == len(full) == 3 * len(ALTERATIONS) * len(FACE_HEIGHTS_PX)
        small = face_pictures("small", 1)
        assert [each.alteration for each in small] == list(ALTERATIONS)
        assert small == face_pictures("small", 1) != face_pictures("small", 2)

    @pytest.mark.parametrize("height_px", FACE_HEIGHTS_PX)
    def test_height(self, tmp_path: Path, height_px: int) -> None:
        """The portrait is scaled so that its face has the stated height."""
        write_surfaces_and_portrait(tmp_path)
        left, top, right, bottom = drawn_face("unaltered", height_px, tmp_path).getbbox() or (0, 0, 0, 0)
        scale = height_px / (FACE_BOX[3] - FACE_BOX[1])
        size = PORTRAIT_BOX[2] - PORTRAIT_BOX[0], PORTRAIT_BOX[3] - PORTRAIT_BOX[1]
        assert (right - left, bottom - top) == (round(size[0] * scale), round(size[1] * scale))

    @pytest.mark.parametrize("alteration", ALTERATIONS)
    def test_largest(self, tmp_path: Path, alteration: str) -> None:
        """Every alteration of the largest face is within a picture."""
        write_surfaces_and_portrait(tmp_path)
        image = drawn_face(alteration, FACE_HEIGHTS_PX[-1], tmp_path)
        assert image.size == PICTURE_PX
        assert image.getbbox() is not None

    def test_covered(self, tmp_path: Path) -> None:
        """A covered face is darker than one that is not, by a part of the face and not by all."""
        write_surfaces_and_portrait(tmp_path)
        white, eyes, mouth = (
            sum(value > 128 for value in drawn_face(name, 118, tmp_path).tobytes())
            for name in ("unaltered", "eyes covered", "mouth covered")
        )
        face = (FACE_BOX[2] - FACE_BOX[0]) * (FACE_BOX[3] - FACE_BOX[1])
        assert white - eyes == pytest.approx(0.3 * face, rel=0.05)
        assert white - mouth == pytest.approx(0.5 * face, rel=0.05)
