"""Pictures with cut-out photographs in known numbers: how many people, faces, vehicles and so on are counted.

A picture has 0 to 5 times one thing, of sizes that are drawn, side by side on a photograph of a surface. Anyone who is
pasted with a face is one person; the suits of others hide theirs. Further pictures show one altered face each
(`face_pictures`); all pictures without a face give its false alarms.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.face_pictures import (
    PICTURE_PX,
    PORTRAIT,
    SURFACES,
    FacePicture,
    face_pictures,
    portrait,
    surface,
    write_face,
)
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, Decided, MethodSpent
from schemas.identity import Modality

if TYPE_CHECKING:
    from PIL.Image import Image

    from ops.evaluate.product import Analyse, Analysed

CUT_OUTS_FILE: Final = Path(__file__).with_name("counted_objects.toml")
GROUPS: Final = ("people", "faces", "vehicles", "animals", "objects")
FITTED: Final = ", fitted half"
NUMBERS: Final = (1, 2, 3, 5)
FACE: Final = "a face is found"
FACE_BY_HEIGHT: Final = "a face is found, by height"
_COLUMNS: Final = 3
_ROWS: Final = 2
_SIZE_RATIOS: Final = (0.6, 0.9)
"""Of the place that a thing has, by its longer side."""


@dataclass(frozen=True, slots=True)
class CountedPicture:
    """One picture and its truth."""

    cut_out: str
    """Empty for a surface without anything."""
    truth: Mapping[str, int]
    """Numbers by group; 0 of what is not named."""
    number: int
    surface: str

    @property
    def item(self) -> str:
        """Its name."""
        return f"{self.cut_out or 'nothing'} x{self.number} on {self.surface}"

    @property
    def is_held_out(self) -> bool:
        """Whether thresholds were chosen without its cut-out; by the name, so that the halves stay what they are."""
        return hashlib.sha256((self.cut_out or self.item).encode()).digest()[0] % 2 == 1


class CountedObjects:
    """See the module.

    Args:
        analyse: what analyses the pictures; the product if None.
    """

    name = "counted-objects"
    version = 2
    description = (
        "Cut-out photographs in known numbers, 0 to 5 in a picture, on surfaces; thresholds were chosen on the "
        "cut-outs of one half, and surfaces are the same in both. Things stand apart: crowds are not measured. "
        "Faces are one person's, altered and in seven heights; the threshold was chosen with it unaltered. Faces of "
        "other people are not measured."
    )
    subjects = (
        *(
            JudgedSubject(
                f"number of {group}{half}",
                f"How many {group} the picture shows, on the {'fitted' if half else 'held-out'} half.",
                model="centerface" if group == "faces" else "nanodet-g",
                unit=group,
            )
            for half in ("", FITTED)
            for group in GROUPS
        ),
        JudgedSubject(FACE, "Pictures of one altered face, and pictures without a face.", "centerface"),
        JudgedSubject(FACE_BY_HEIGHT, "The same faces, by pixels from hairline to chin; 540 lines.", "centerface"),
    )
    sources = tuple(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in ("stamps", "scikit-image"))
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("frames",)
    models = ("nanodet-g", "centerface")

    def __init__(self, analyse: Analyse | None = None) -> None:
        self._analyse = analyse

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield the numbers of each group that are said of each picture."""
        from ops.evaluate.product import analysed, spent

        pictures, faces = wanted_pictures(run), face_pictures(run.size, run.seed)
        found = (self._analyse or analysed)(_files(pictures, faces, run), run.on_item, {})
        for picture, said in zip(pictures, found, strict=False):
            yield from judgements(picture, said)
        for face, said in zip(faces, found[len(pictures) :], strict=True):
            yield from face_judgements(face, said)
        yield spent(found)


def judgements(picture: CountedPicture, said: Analysed) -> Iterator[AnyJudgement]:
    """Compare the numbers of each group."""
    half = "" if picture.is_held_out else FITTED
    for group in GROUPS:
        truth = picture.truth.get(group, 0)
        number = cast("int | None", said.feature(f"visual.max_{group}"))
        kind = f"{truth} shown" if truth else "none shown"
        amount = None if number is None else float(number)
        yield Amount(f"number of {group}{half}", picture.item, PRODUCT, kind, truth=float(truth), said=amount)
    if not picture.truth.get("faces"):
        yield Decided(FACE, picture.item, PRODUCT, "no face", truth=False, said=_shows_face(said))


def face_judgements(picture: FacePicture, said: Analysed) -> Iterator[Decided]:
    """Say whether a face was found, once by alteration and once by height."""
    height = f"{picture.face_height_px} pixels"
    yield Decided(FACE, picture.item, PRODUCT, picture.alteration, truth=True, said=_shows_face(said))
    yield Decided(FACE_BY_HEIGHT, picture.item, PRODUCT, height, truth=True, said=_shows_face(said))


def _shows_face(said: Analysed) -> bool:
    return bool(said.feature("visual.max_faces"))


def wanted_pictures(run: EvaluationRun) -> list[CountedPicture]:
    """Return the pictures of a run, by name: each cut-out in each number, or for a small one in one that is drawn."""
    drawing = random.Random(run.seed)
    found = [CountedPicture("", {}, 0, name) for name in SURFACES]
    for cut_out, groups in cut_outs().items():
        numbers: Sequence[int] = NUMBERS if run.size == "full" else (drawing.choice(NUMBERS),)
        for number in numbers:
            truth = dict.fromkeys(groups, number)
            found.append(CountedPicture(cut_out, truth, number, drawing.choice(SURFACES)))
    return sorted(found, key=lambda picture: picture.item)


def cut_outs() -> dict[str, tuple[str, ...]]:
    """Return what each cut-out is counted as."""
    table = tomllib.loads(CUT_OUTS_FILE.read_text(encoding="utf-8"))
    return {PORTRAIT: ("people", "faces"), **{name: (group,) for group, names in table.items() for name in names}}


def _files(pictures: Sequence[CountedPicture], faces: Sequence[FacePicture], run: EvaluationRun) -> dict[str, Path]:
    """Write all pictures and return their paths by item, in this order."""
    files = {picture.item: _written(picture, run) for picture in pictures}
    for face in faces:
        files[face.item] = _target(face.item, run)
        write_face(face, run.data_dir, run.seed, files[face.item])
    return files


def _target(item: str, run: EvaluationRun) -> Path:
    return run.folder / f"{item.replace('/', '-').replace(' ', '-')}.png"


def _written(picture: CountedPicture, run: EvaluationRun) -> Path:
    """Write a picture and return its path."""
    drawing = random.Random(f"{run.seed} {picture.item}")
    image = surface(picture.surface, run.data_dir)
    places = drawing.sample(range(_COLUMNS * _ROWS), picture.number)
    for place in places:
        _paste(image, _cut_out(picture.cut_out, run.data_dir), place, drawing)
    image.save(_target(picture.item, run))
    return _target(picture.item, run)


def _cut_out(name: str, data_dir: Path) -> Image:
    from PIL import Image  # decoders

    if name == PORTRAIT:
        return portrait(data_dir)
    with Image.open(files_of("stamps", data_dir) / name) as opened:
        found = opened.convert("RGBA")
    return found.crop(found.getbbox())


def _paste(image: Image, thing: Image, place: int, drawing: random.Random) -> None:
    width, height = PICTURE_PX[0] // _COLUMNS, PICTURE_PX[1] // _ROWS
    scale = drawing.uniform(*_SIZE_RATIOS) * min(width / thing.width, height / thing.height)
    thing = thing.resize((max(1, round(thing.width * scale)), max(1, round(thing.height * scale))))
    left = place % _COLUMNS * width + drawing.randint(0, width - thing.width)
    top = place // _COLUMNS * height + drawing.randint(0, height - thing.height)
    image.paste(thing, (left, top), thing)
