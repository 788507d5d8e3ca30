"""Pictures with cut-out photographs in known numbers: how many people, faces, vehicles and so on are counted.

A picture has 0 to 5 times one thing, of sizes that are drawn, side by side on a photograph of a surface. Whoever is
pasted with a face is one person; the suits of others hide theirs.
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
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, MethodSpent
from schemas.identity import Modality

if TYPE_CHECKING:
    from PIL.Image import Image

    from ops.evaluate.product import Analyse, Analysed

CUT_OUTS_FILE: Final = Path(__file__).with_name("counted_objects.toml")
GROUPS: Final = ("people", "faces", "vehicles", "animals", "objects")
FITTED: Final = ", fitted half"
NUMBERS: Final = (1, 2, 3, 5)
PORTRAIT: Final = "skimage/data/astronaut.png"
PORTRAIT_BOX: Final = (110, 0, 360, 330)
"""Of a person from the shoulders up: left, top, right, bottom in pixels."""
_SURFACES: Final = ("brick.png", "grass.png", "gravel.png")
_WIDTH_PX: Final = 960
_HEIGHT_PX: Final = 540
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
    version = 1
    description = (
        "Cut-out photographs in known numbers, 0 to 5 in a picture, on surfaces; thresholds were chosen on the "
        "cut-outs of one half, and surfaces are the same in both. Things stand apart: crowds are not measured."
    )
    subjects = tuple(
        JudgedSubject(
            f"number of {group}{half}",
            f"How many {group} the picture shows, on the {'fitted' if half else 'held-out'} half.",
            model="centerface" if group == "faces" else "nanodet-g",
            unit=group,
        )
        for half in ("", FITTED)
        for group in GROUPS
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

        pictures = wanted_pictures(run)
        files = {picture.item: _written(picture, run) for picture in pictures}
        found = (self._analyse or analysed)(files, run.on_item, {})
        for picture, said in zip(pictures, found, strict=True):
            yield from judgements(picture, said)
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


def wanted_pictures(run: EvaluationRun) -> list[CountedPicture]:
    """Return the pictures of a run, by name: each cut-out in each number, or for a small one in one that is drawn."""
    drawing = random.Random(run.seed)
    found = [CountedPicture("", {}, 0, surface) for surface in _SURFACES]
    for cut_out, groups in cut_outs().items():
        numbers: Sequence[int] = NUMBERS if run.size == "full" else (drawing.choice(NUMBERS),)
        for number in numbers:
            truth = dict.fromkeys(groups, number)
            found.append(CountedPicture(cut_out, truth, number, drawing.choice(_SURFACES)))
    return sorted(found, key=lambda picture: picture.item)


def cut_outs() -> dict[str, tuple[str, ...]]:
    """Return what each cut-out is counted as."""
    table = tomllib.loads(CUT_OUTS_FILE.read_text(encoding="utf-8"))
    return {PORTRAIT: ("people", "faces"), **{name: (group,) for group, names in table.items() for name in names}}


def _written(picture: CountedPicture, run: EvaluationRun) -> Path:
    """Write a picture and return its path."""
    from PIL import Image  # decoders

    drawing = random.Random(f"{run.seed} {picture.item}")
    surfaces = files_of("scikit-image", run.data_dir) / "skimage" / "data"
    with Image.open(surfaces / picture.surface) as opened:
        image = opened.convert("RGB").resize((_WIDTH_PX, _HEIGHT_PX))
    places = drawing.sample(range(_COLUMNS * _ROWS), picture.number)
    for place in places:
        _paste(image, _cut_out(picture.cut_out, run.data_dir), place, drawing)
    target = run.folder / f"{picture.item.replace('/', '-').replace(' ', '-')}.png"
    image.save(target)
    return target


def _cut_out(name: str, data_dir: Path) -> Image:
    from PIL import Image

    if name == PORTRAIT:
        with Image.open(files_of("scikit-image", data_dir) / name) as opened:
            return opened.convert("RGBA").crop(PORTRAIT_BOX)
    with Image.open(files_of("stamps", data_dir) / name) as opened:
        found = opened.convert("RGBA")
    return found.crop(found.getbbox())


def _paste(image: Image, thing: Image, place: int, drawing: random.Random) -> None:
    width, height = _WIDTH_PX // _COLUMNS, _HEIGHT_PX // _ROWS
    scale = drawing.uniform(*_SIZE_RATIOS) * min(width / thing.width, height / thing.height)
    thing = thing.resize((max(1, round(thing.width * scale)), max(1, round(thing.height * scale))))
    left = place % _COLUMNS * width + drawing.randint(0, width - thing.width)
    top = place // _COLUMNS * height + drawing.randint(0, height - thing.height)
    image.paste(thing, (left, top), thing)
