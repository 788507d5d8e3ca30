"""Text that is drawn into moving pictures: what is read, what is noticed, and abuse that flashes up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.archives.fetching import files_of
from ops.evaluate.burnt.sentences import texts
from ops.evaluate.evaluation_set import EvaluationRun, JudgedSubject, Reference, Source
from ops.evaluate.judgements import PRODUCT, Amount, AnyJudgement, Decided, MethodSpent, Scored, Timed, TrueSpan
from schemas.identity import Modality

if TYPE_CHECKING:
    from ops.evaluate.product import Analysed

ABUSE: Final = "hate-and-harassment/abusive-language/abusive-text-on-screen"
READ: Final = "similarity of what is read"
READ_SEEN: Final = "similarity, seen half"
FAINT: Final = "similarity of faint text"
CLEAN: Final = "text in clean pictures"
UNREAD: Final = "unknown scripts"
SECONDS: Final = "seconds of abuse"
HEIGHTS: Final = (360, 720)
HALVES: Final = ("held out", "seen")
TEXT_SECONDS: Final = 3.0
FLASH_SECONDS: Final = 1.0
FLASHED_SECONDS: Final = 10.0
"""Length of a video with a flash."""
LEAST_SCORE: Final = 0.8
"""From which the default policy acts."""
_PICTURES: Final[Mapping[str, tuple[str, ...]]] = {
    "seen": ("cheetah.jpg", "lion.jpg", "brick.png", "chelsea.png", "grass.png", "moon.png", "retina.jpg"),
    "held out": ("cheetah2.jpg", "groot.jpeg", "tower.jpg", "camera.png", "coffee.png", "gravel.png", "rocket.jpg"),
}
"""Photographs without text, by the half that they belong to."""
_FONTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "seen": {"latin": ("noto-sans", "NotoSans["), "display": ("anton", "Anton-")},
    "held out": {"latin": ("noto-serif", "NotoSerif["), "display": ("oswald", "Oswald[")},
}
_SCRIPT_FONTS: Final[Mapping[str, tuple[str, str]]] = {
    "chinese": ("wqy-microhei", "wqy-microhei"),
    "arabic": ("noto-sans-arabic", "NotoSansArabic["),
    "devanagari": ("noto-sans-devanagari", "NotoSansDevanagari["),
}
_FONT_ARCHIVES: Final = (
    *dict.fromkeys(name for fonts in (*_FONTS.values(), _SCRIPT_FONTS) for name, _ in fonts.values()),
)


@dataclass(frozen=True, slots=True)
class BurntVideo:
    """One video and its truth."""

    item: str
    half: str
    kind: str
    """A key of the kinds of text, or of the evasions; empty for clean pictures."""
    height: int
    text: str
    picture: str
    is_abusive: bool | None = None
    """None: not for abuse."""

    @property
    def flash_begin_seconds(self) -> float:
        """When the text of a video for abuse appears."""
        return 1.0 + crc32(self.item.encode()) % 7


class OnScreenTexts:
    """See the module."""

    name = "on-screen-text"
    version = 1
    description = (
        "Text drawn over photographs under a moving camera, at 360 and 720 lines; letters of 4 to 10 % of its height. "
        "Thresholds were chosen on pictures, fonts and sentences of the seen half; abuse is of the held-out half and "
        "flashes for a second."
    )
    subjects = (
        JudgedSubject(READ, "Similarity of what is read with what was drawn, held-out half.", model="text-recognition"),
        JudgedSubject(READ_SEEN, "The same for the half on which thresholds were chosen.", model="text-recognition"),
        JudgedSubject(FAINT, "The same for letters a third opaque, without an edge.", model="text-recognition"),
        JudgedSubject(CLEAN, "Text is read, or noticed, where there is none.", model="text-detection"),
        JudgedSubject(
            UNREAD, "Text in Cyrillic, Arabic or Devanagari is noticed and not read.", model="text-detection"
        ),
        JudgedSubject(ABUSE, "Abuse that is shown for a second, as written and in four evasions.", label=ABUSE),
        JudgedSubject(SECONDS, "When the abuse is shown.", tolerance_seconds=1.0),
    )
    sources = tuple(
        Source(ARCHIVES[name].file_name, ARCHIVES[name].licence) for name in ("scikit-image", "gradio", *_FONT_ARCHIVES)
    )
    references: tuple[Reference, ...] = ()
    modalities: tuple[Modality, ...] = ("frames",)
    models = ("text-detection", "text-recognition", "toxicity", "all-minilm-l6-v2")

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Yield what is read in each video, and what the default policy's models say of it."""
        from ops.evaluate.product import analysed, spent

        videos = wanted_videos(run)
        files = {video.item: _written(video, run) for video in videos}
        found = analysed(files, run.on_item)
        for video, said in zip(videos, found, strict=True):
            yield from judgements(video, said)
        clean = [said for video, said in zip(videos, found, strict=True) if not video.text]
        for model in ("text-detection", "text-recognition"):
            seconds = sum(said.model_cpu_seconds(model) for said in clean)
            yield MethodSpent(f"{model} of clean videos", seconds, TEXT_SECONDS * len(clean), len(clean))
        yield spent(found, sum(FLASHED_SECONDS if video.is_abusive is not None else TEXT_SECONDS for video in videos))


def judgements(video: BurntVideo, said: Analysed) -> Iterator[AnyJudgement]:
    """Compare what is said of a video with what was drawn."""
    read = said.text_of("text-recognition")
    is_noticed = bool(said.feature("visual.text_present_unread"))
    if video.is_abusive is not None:
        yield Scored(ABUSE, video.item, PRODUCT, video.kind, truth=video.is_abusive, score=said.score_of(ABUSE))
        if video.is_abusive:
            begin = video.flash_begin_seconds
            span = TrueSpan(begin, begin + FLASH_SECONDS)
            yield Timed(SECONDS, video.item, PRODUCT, "", (span,), said.times_of(ABUSE, LEAST_SCORE))
    elif not video.text:
        yield Decided(CLEAN, video.item, PRODUCT, f"{video.height}p", truth=False, said=bool(read) or is_noticed)
    elif _is_unknown(video):
        yield Decided(UNREAD, video.item, PRODUCT, video.kind, truth=True, said=is_noticed and not read)
    else:
        subject = FAINT if video.kind == "faint" else READ if video.half == "held out" else READ_SEEN
        kind = f"{video.kind}, {video.height}p"
        yield Amount(subject, video.item, PRODUCT, kind, truth=1.0, said=similarity(video.text, read))


def similarity(drawn: str, read: str) -> float:
    """Return the similarity of two texts in [0, 1], without regard to blanks, line breaks and capitals."""
    one, other = ("".join(text.casefold().split()) for text in (drawn, read))
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _is_unknown(video: BurntVideo) -> bool:
    from ops.evaluate.burnt.drawing import UNKNOWN_SCRIPTS

    return video.kind in UNKNOWN_SCRIPTS


def wanted_videos(run: EvaluationRun) -> list[BurntVideo]:
    """Return the videos of a run; a small one has one of each, of the held-out half."""
    halves, number = (HALVES, 2) if run.size == "full" else (HALVES[:1], 1)
    return [
        *(video for half in halves for video in _with_text(half, number)),
        *(video for half in halves for video in _clean(half, len(_PICTURES[half]) if run.size == "full" else 3)),
        *_for_abuse(6 if run.size == "full" else 2),
    ]


def _with_text(half: str, number: int) -> Iterator[BurntVideo]:
    from ops.evaluate.burnt.drawing import KINDS

    for place, kind in enumerate(KINDS):
        for height in HEIGHTS:
            for each in range(number):
                group = texts(half, kind if kind in ("accents", "Chinese", "Russian", "Arabic", "Hindi") else "latin")
                text = group[(place + each) % len(group)]
                picture = _PICTURES[half][(2 * place + 3 * each + height // 360) % len(_PICTURES[half])]
                yield BurntVideo(f"{half} {kind} {height}p {each}", half, kind, height, text, picture)


def _clean(half: str, number: int) -> Iterator[BurntVideo]:
    for picture in _PICTURES[half][:number]:
        for height in HEIGHTS:
            yield BurntVideo(f"{half} clean {picture} {height}p", half, "", height, "", picture)


def _for_abuse(number: int) -> Iterator[BurntVideo]:
    from ops.evaluate.burnt.evasions import EVASIONS

    pictures = _PICTURES["held out"]
    for group, is_abusive in (("abusive", True), ("harmless", False)):
        for place, text in enumerate(texts("held out", group)[:number]):
            for shift, (kind, written) in enumerate(EVASIONS.items()):
                picture = pictures[(place + shift) % len(pictures)]
                item = f"{group} {place} {kind}"
                yield BurntVideo(item, "held out", kind, HEIGHTS[0], written(text), picture, is_abusive)


def _written(video: BurntVideo, run: EvaluationRun) -> Path:
    """Write a video and return its path."""
    import numpy as np

    from ops.evaluate.burnt.drawing import KINDS, RATE_HZ, burn, moving_picture, text_layer
    from ops.evaluate.copied.encoding import write_video

    random = np.random.default_rng(crc32(f"{run.seed} {video.item}".encode()))
    length = FLASHED_SECONDS if video.is_abusive is not None else TEXT_SECONDS
    frames = moving_picture(_picture(video.picture, run.data_dir), video.height, length, random)
    if video.text:
        kind = KINDS.get(video.kind, KINDS["plain"])
        layer = text_layer(video.text, kind, _font(video.half, kind.font, run.data_dir), video.height, random)
        begin, shown = (video.flash_begin_seconds, FLASH_SECONDS) if video.is_abusive is not None else (0.0, length)
        burn(frames, layer, begin, begin + shown)
    target = run.folder / f"{video.item.replace(' ', '-')}.mp4"
    write_video(frames, target, rate_hz=RATE_HZ, quality_crf=26)
    return target


def _picture(name: str, data_dir: Path) -> Path:
    paths = [path for archive in ("scikit-image", "gradio") for path in files_of(archive, data_dir).rglob(name)]
    return sorted(paths)[0]


def _font(half: str, font: str, data_dir: Path) -> Path:
    archive, begins = _FONTS[half].get(font) or _SCRIPT_FONTS[font]
    return _beginning(sorted(files_of(archive, data_dir).rglob("*.tt*")), begins)


def _beginning(paths: Sequence[Path], begins: str) -> Path:
    return next(path for path in paths if path.name.startswith(begins))
