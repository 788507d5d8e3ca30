"""Uploads of the pipeline benchmark: the sample clips, and longer ones in common sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ops.assets import samples_dir
from ops.assets.clip import Recipe
from ops.assets.derive import derive_clip
from ops.assets.sample_uploads import sample_uploads
from ops.bench.options import BenchOptions
from ops.source_argument import path_of
from schemas.uploads import FileSource, VideoUploaded

REPEATS = 2

_LONG_GOP = (("preset", "superfast"), ("g", "250"), ("bf", "3"))
"""Few keyframes and some non-reference frames, as phones and editors write them."""

LONG_CLIPS: Final[dict[str, Recipe]] = {
    "street-1080.mp4": Recipe(
        "bikes.mp4", "libx264", "crowd.mp3", num_repeats=2, width_px=1920, encoder_options=_LONG_GOP
    ),
    "city-1080.mp4": Recipe(
        "cityCC0.mpg", "libx264", "sample.wav", num_repeats=2, width_px=1920, encoder_options=_LONG_GOP
    ),
    "bunny-720.mp4": Recipe(
        "bigbuckbunny.mp4", "libx264", "bigbuckbunny.mp4", num_repeats=3, width_px=1280, encoder_options=_LONG_GOP
    ),
    "speech-720.mp4": Recipe(
        "obama_speech.mp4", "libx264", "obama_speech.mp4", num_repeats=2, width_px=960, encoder_options=_LONG_GOP
    ),
}
"""15 to 20 seconds each, encoded here once."""


def bench_uploads(cache_dir: Path, options: BenchOptions) -> list[VideoUploaded]:
    """Return all clips twice, each time as another video of another creator, with the expensive ones distributed; fewer
    if quick. One creator's would be a flood."""
    short = sample_uploads(cache_dir)
    once = _interleaved(short[::2] if options.is_quick else short, _long_uploads(cache_dir, options))
    repeats = 1 if options.is_quick else REPEATS
    named = [(f"{number}-{upload.video_id}", upload) for number in range(repeats) for upload in once]
    return [replace(upload, video_id=name, creator_id=f"of-{name}") for name, upload in named]


def clip_folders(uploads: list[VideoUploaded]) -> set[Path]:
    """Return the folders that a worker must be allowed to read."""
    return {path_of(upload).parent for upload in uploads}


def _long_uploads(cache_dir: Path, options: BenchOptions) -> list[VideoUploaded]:
    folder = cache_dir / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in LONG_CLIPS.items():
        if not (folder / name).is_file():
            options.say(f"encoding {name}, once ...")
            derive_clip(recipe, samples_dir(cache_dir), folder / name)
    return [
        VideoUploaded(
            video_id=Path(name).stem,
            source=FileSource(path=str(folder / name)),
            title=f"A longer look: {Path(name).stem.replace('-', ' ')}",
            description="The same scene once more, in the size that people upload.",
        )
        for name in LONG_CLIPS
    ]


def _interleaved(many: list[VideoUploaded], few: list[VideoUploaded]) -> list[VideoUploaded]:
    step = max(1, len(many) // max(1, len(few)))
    mixed = list(many)
    for place, upload in enumerate(few):
        mixed.insert(place * (step + 1), upload)
    return mixed
