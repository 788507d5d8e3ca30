"""Pictures of one face whose height and alteration are known: a portrait is altered and pasted on a surface."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import Size

if TYPE_CHECKING:
    from PIL.Image import Image

PORTRAIT: Final = "skimage/data/astronaut.png"
PORTRAIT_BOX: Final = (110, 0, 360, 330)
"""Of a person from the shoulders up: left, top, right, bottom in pixels."""
FACE_BOX: Final = (70, 72, 156, 190)
"""Within the portrait, from the hairline to the chin."""
FACE_HEIGHTS_PX: Final = (16, 24, 32, 48, 64, 96, 128)
"""In a picture of `PICTURE_PX`."""
PICTURE_PX: Final = (960, 540)
SURFACES: Final = ("brick.png", "grass.png", "gravel.png")


@dataclass(frozen=True, slots=True)
class FacePicture:
    """One picture that shows one face."""

    alteration: str
    """A name of `ALTERATIONS`."""
    face_height_px: int
    surface: str

    @property
    def item(self) -> str:
        """Its name."""
        return f"face of {self.face_height_px} pixels, {self.alteration}, on {self.surface}"


def face_pictures(size: Size, seed: int) -> list[FacePicture]:
    """Return every alteration in every height on every surface, or for a small run each in one that is drawn."""
    if size == "full":
        return [FacePicture(*each) for each in product(ALTERATIONS, FACE_HEIGHTS_PX, SURFACES)]
    drawing = random.Random(seed)
    return [FacePicture(name, drawing.choice(FACE_HEIGHTS_PX), drawing.choice(SURFACES)) for name in ALTERATIONS]


def write_face(picture: FacePicture, data_dir: Path, seed: int, target: Path) -> None:
    """Draw a picture, at a place that its name and the seed decide, and save it."""
    drawing = random.Random(f"{seed} {picture.item}")
    image, face = surface(picture.surface, data_dir), _altered(picture, data_dir)
    place = drawing.randint(0, image.width - face.width), drawing.randint(0, image.height - face.height)
    image.paste(face, place, face)
    image.save(target)


def surface(name: str, data_dir: Path) -> Image:
    """Return a photograph of a surface, as large as a picture."""
    from PIL import Image  # decoders

    with Image.open(files_of("scikit-image", data_dir) / "skimage" / "data" / name) as opened:
        return opened.convert("RGB").resize(PICTURE_PX)


def portrait(data_dir: Path) -> Image:
    """Return the person, from the shoulders up."""
    from PIL import Image  # decoders

    with Image.open(files_of("scikit-image", data_dir) / PORTRAIT) as opened:
        return opened.convert("RGBA").crop(PORTRAIT_BOX)


def _altered(picture: FacePicture, data_dir: Path) -> Image:
    """Alter the portrait in its own size, so that an alteration is the same in every height."""
    image = ALTERATIONS[picture.alteration](portrait(data_dir))
    scale = picture.face_height_px / (FACE_BOX[3] - FACE_BOX[1])
    return image.resize((round(image.width * scale), round(image.height * scale)))


def _unaltered(image: Image) -> Image:
    return image


def _mirrored(image: Image) -> Image:
    from PIL import ImageOps  # decoders

    return ImageOps.mirror(image)


def _turned(degrees: float) -> Callable[[Image], Image]:
    return lambda image: image.rotate(degrees, expand=True)


def _grey(image: Image) -> Image:
    return image.convert("LA").convert("RGBA")


def _with_light(brightness: float, contrast: float) -> Callable[[Image], Image]:
    def lit(image: Image) -> Image:
        from PIL import ImageEnhance  # decoders

        paler = ImageEnhance.Contrast(image.convert("RGB")).enhance(contrast)
        return ImageEnhance.Brightness(paler).enhance(brightness).convert("RGBA")

    return lit


def _blurred(image: Image) -> Image:
    from PIL import ImageFilter  # decoders

    return image.filter(ImageFilter.GaussianBlur(6))


def _covered(top_ratio: float, bottom_ratio: float) -> Callable[[Image], Image]:
    """Cover a band of the face, in shares of its height."""

    def covered(image: Image) -> Image:
        left, top, right, bottom = FACE_BOX
        height = bottom - top
        image.paste(
            (40, 50, 60, 255), (left, round(top + top_ratio * height), right, round(top + bottom_ratio * height))
        )
        return image

    return covered


ALTERATIONS: Final[dict[str, Callable[[Image], Image]]] = {
    "unaltered": _unaltered,
    "mirrored": _mirrored,
    "turned by 20 degrees": _turned(20),
    "turned by 45 degrees": _turned(45),
    "grey": _grey,
    "dark": _with_light(brightness=0.25, contrast=1.0),
    "pale": _with_light(brightness=1.2, contrast=0.3),
    "blurred": _blurred,
    "eyes covered": _covered(0.2, 0.5),
    "mouth covered": _covered(0.5, 1.0),
}
"""By name; each takes and returns a picture with an alpha channel."""
