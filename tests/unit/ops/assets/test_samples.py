"""The registry of sample clips, and what is made of them."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from ops.assets.clip import Origin, Recipe, SampleClip
from ops.assets.derive import derive_clip
from ops.assets.lockfile import read_lock
from ops.assets.sample_registry import DERIVED_CLIPS, PACKAGED_CLIPS, SAMPLE_CLIPS
from ops.assets.samples import LOCK_FILE


class TestSampleClips:
    """`SAMPLE_CLIPS`."""

    def test_names_distinct(self) -> None:
        """No two clips lie at one place."""
        names = [clip.file_name for clip in SAMPLE_CLIPS]

        assert len(names) == len(set(names))

    def test_packages_pinned(self) -> None:
        """The lock file has every package that a clip comes from, and no other."""
        packages = {clip.source.package for clip in PACKAGED_CLIPS if isinstance(clip.source, Origin)}

        assert packages == read_lock(LOCK_FILE).keys()

    def test_licences_said(self) -> None:
        """Every packaged clip says its licence, or that none is stated."""
        unsaid = [
            clip.file_name
            for clip in PACKAGED_CLIPS
            if not isinstance(clip.source, Origin) or len(clip.source.licence.strip()) < len("MIT")
        ]
        assert PACKAGED_CLIPS
        assert unsaid == []

    def test_ingredients_known(self) -> None:
        """A derived clip is made of packaged ones only, so that the order of making does not matter."""
        packaged = {clip.file_name for clip in PACKAGED_CLIPS}
        recipes = [clip.source for clip in DERIVED_CLIPS if isinstance(clip.source, Recipe)]
        used = {name for recipe in recipes for name in (recipe.video, recipe.audio, recipe.music) if name}

        assert used <= packaged

    @pytest.mark.parametrize("clip", SAMPLE_CLIPS, ids=lambda clip: clip.file_name)
    def test_decodes(self, clip: SampleClip, samples: Path) -> None:
        """Every clip decodes, and what the registry says of its codecs is what the file says."""
        with av.open(str(samples / clip.file_name)) as container:
            first = next(container.decode(container.streams[0]))
            names = {_codec(stream) for stream in container.streams}

        assert first is not None
        assert [name for name in names if name not in clip.codecs] == []


class TestDeriveClip:
    """`derive_clip`."""

    def test_atomic(self, samples: Path, tmp_path: Path) -> None:
        """A recipe that fails half-way leaves nothing behind."""
        (tmp_path / "park.mp4").write_bytes((samples / "park.mp4").read_bytes())
        recipe = Recipe(video="park.mp4", video_encoder="mpeg4", audio="missing.wav")

        with pytest.raises(FileNotFoundError):
            derive_clip(recipe, tmp_path, tmp_path / "out.mov")

        assert [tmp_path / "park.mp4"] == list(tmp_path.iterdir())

    def test_portrait(self, samples: Path, tmp_path: Path) -> None:
        """A portrait clip is 9:16 with even sides, keeps its height and has one frame per frame."""
        (tmp_path / "park.mp4").write_bytes((samples / "park.mp4").read_bytes())
        derive_clip(Recipe(video="park.mp4", video_encoder="mpeg4", is_portrait=True), tmp_path, tmp_path / "out.mov")
        with av.open(str(tmp_path / "out.mov")) as container:
            frames = list(container.decode(video=0))

        assert {(270, 480)} == {(frame.width, frame.height) for frame in frames}
        assert len(frames) == 17


def _codec(stream: av.stream.Stream) -> str:
    """Name of the codec as the registry spells it: without the decoder's own name."""
    return {"libdav1d": "av1", "mp3float": "mp3"}.get(stream.codec_context.name, stream.codec_context.name)
