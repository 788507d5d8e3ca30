"""Harmless pictures of packages: tags against the names of files, and labels that none of them shows.

The scores from which on classes are tags were chosen on one half of the pictures, which the names of the files decide.
So tags are judged on the other half; what they are on the first is reported, too.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, cast

from ops.assets.cache import default_cache_dir
from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.archives.fetching import files_of
from ops.evaluate.disjoint import require_disjoint
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, AnyJudgement, Choice, Decided, MethodSpent, Scored
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.product import Analyse

TRUTH_FILE: Final = Path(__file__).with_name("pictures.toml")
WORDS_FILE: Final = Path(__file__).with_name("tag_words.toml")
NUDITY: Final = "sexual/explicit/nudity"
FIREARM: Final = "violence/weapons/firearm-visible"
_KINDS: Final = {"stamps": "cut-out", "scikit-image": "natural", "gradio": "natural"}
_SMALL: Final = {"shown": 40, "without": 20, "harmless": 16}
_BACKGROUND: Final = (128, 128, 128)
"""Cut-outs are put on grey, as they would be seen without their transparency."""
_NO_HARM_IN: Final = ("cartoon",)
"""Folders of drawings, which the models are not for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and its truth."""

    item: str
    kind: str
    path: Path
    classes: tuple[str, ...] | None
    """Right classes; empty if none fits; None if its truth is that it is harmless, and no more."""

    @property
    def is_held_out(self) -> bool:
        """Whether the tags' threshold was chosen without it; by the name, so that the halves stay what they are."""
        return hashlib.sha256(self.item.encode()).digest()[0] % 2 == 1

    @property
    def group(self) -> str:
        """For what it is used."""
        return "harmless" if self.classes is None else "shown" if self.classes else "without"


class HarmlessPictures:
    """See the module.

    Args:
        analyse: what analyses the pictures; the product if None.
    """

    name = "harmless-pictures"
    version = 3
    description = (
        "Photographs and cut-outs of things, animals and plants from packages, named by their files; the tags' "
        "thresholds were chosen on one half of them, nothing else on any, and none shows nudity or a firearm."
    )
    subjects = (
        JudgedSubject(
            "first tag",
            "On the held-out half: the first tag names what the picture shows, as a class of ImageNet or COCO or as "
            "what several classes have in common; pictures without a fitting class get none.",
            model="efficientnet-lite0",
        ),
        JudgedSubject(
            "tag shown",
            "On the held-out half: a tag is shown where some class fits (recall), and none where none does (false "
            "alarms).",
            model="efficientnet-lite0",
        ),
        JudgedSubject("first tag, fitted half", "As the first tag, on the half on which thresholds were chosen."),
        JudgedSubject("tag shown, fitted half", "As the tag shown, on that half."),
        JudgedSubject(NUDITY, "Nudity or sexual acts; no picture shows any.", model="opennsfw", label=NUDITY),
        JudgedSubject(
            FIREARM, "A firearm can be seen; no picture shows one.", model="efficientnet-lite0", label=FIREARM
        ),
    )
    sources = tuple(Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in _KINDS)
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("frames",)
    models = ("efficientnet-lite0", "nanodet-g", "opennsfw")

    def __init__(self, analyse: Analyse | None = None) -> None:
        self._analyse = analyse

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield tags, and the scores of both labels, of each picture."""
        from ops.evaluate.product import analysed, spent

        pictures = chosen_pictures(run)
        require_disjoint(picture.path for picture in pictures)
        files = {picture.item: opaque_copy(picture, run.folder) for picture in pictures}
        found = (self._analyse or analysed)(files, run.on_item, {})
        for picture, said in zip(pictures, found, strict=True):
            tags = cast("list[Mapping[str, Any]]", said.feature("visual.tags") or [])
            if picture.classes is not None:
                yield from _tag_judgements(picture, tags)
            for label in (NUDITY, FIREARM):
                yield Scored(label, picture.item, PRODUCT, picture.kind, truth=False, score=said.score_of(label))
        yield spent(found)


def _tag_judgements(picture: Picture, tags: Sequence[Mapping[str, Any]]) -> Iterator[AnyJudgement]:
    classes = picture.classes or ()
    kind = picture.kind if classes else "without a fitting class"
    subject = "first tag" if picture.is_held_out else "first tag, fitted half"
    yield Choice(subject, picture.item, PRODUCT, kind, truth=classes, said=tags[0]["name"] if tags else None)
    half = "" if picture.is_held_out else ", fitted half"
    yield Decided(f"tag shown{half}", picture.item, PRODUCT, kind, truth=bool(classes), said=bool(tags))


def chosen_pictures(run: EvaluationRun) -> list[Picture]:
    """Return the pictures of a run, by name: all, or for a small one some of each group, drawn by the seed.

    Raises:
        NotMeasurable: they were not fetched.
    """
    found = sorted(all_pictures(run.data_dir), key=lambda picture: picture.item)
    if run.size == "full":
        return found
    drawing = random.Random(run.seed)
    groups = {group: [picture for picture in found if picture.group == group] for group in _SMALL}
    drawn = [each for group, pictures in groups.items() for each in drawing.sample(pictures, _SMALL[group])]
    return sorted(drawn, key=lambda picture: picture.item)


def all_pictures(data_dir: Path) -> Iterator[Picture]:
    """Yield the pictures of all packages. Raises NotMeasurable."""
    truth = tomllib.loads(TRUTH_FILE.read_text(encoding="utf-8"))
    folders = {package: files_of(package, data_dir) for package in truth}
    broader = broader_words(default_cache_dir())
    for package, said in truth.items():
        folder = folders[package]
        for name in _names(folder, said):
            yield Picture(f"{package}/{name}", _KINDS[package], folder / name, _classes(name, said, broader))


def broader_words(cache_dir: Path) -> dict[str, tuple[str, ...]]:
    """Return the further words that are right for a class or a word."""
    from models.imagenet_labels import load_imagenet_groups, load_imagenet_labels

    coco: dict[str, list[str]] = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    words: dict[str, tuple[str, ...]] = {word: tuple(also) for word, also in coco.items()}
    for name, group in zip(load_imagenet_labels(cache_dir), load_imagenet_groups(), strict=True):
        if group:
            words[name] = (*words.get(name, ()), group, *coco.get(group, ()))
    return words


def _classes(name: str, said: Mapping[str, Any], broader: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    if name in said["without"]:
        return ()
    shown = said["shown"].get(name)
    return (
        tuple(dict.fromkeys((*shown, *(word for each in shown for word in broader.get(each, ()))))) if shown else None
    )


def _names(folder: Path, said: Mapping[str, Any]) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [name for name in found if name in said["without"] or _is_listed(name, said["folders"])]


def _is_listed(name: str, folders: Sequence[str]) -> bool:
    is_drawing = any(part in _NO_HARM_IN for part in PurePosixPath(name).parts)
    return not is_drawing and any(name.startswith(f"{folder}/") for folder in folders)


def opaque_copy(picture: Picture, folder: Path) -> Path:
    """Write a picture without transparency and with a bound on its size, and return its path."""
    from PIL import Image  # decoders

    target = folder / f"{picture.item.replace('/', '-')}.png"
    with Image.open(picture.path) as opened:
        image = opened.convert("RGBA")
    ground = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
    Image.alpha_composite(ground, image).convert("RGB").save(target)
    return target
