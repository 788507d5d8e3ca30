"""What was not seen never passes as seen."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from operators.errors import MediaCause
from operators.media.geometry import Size, inside, same_area
from operators.media.shares import achieved_ratio, damage
from operators.motion.shots import transitions
from schemas.receipts import Seen
from tests.decoded_here import decoded_here
from tests.hostile_media import numbered_picture, remuxed, write_video

KEYS = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}
Build = Callable[[Path], Path]


def _encrypted(folder: Path) -> Path:
    plain = write_video(folder / "plain.mp4", num_frames=100, sound_seconds=4.0)
    return remuxed(plain, folder / "encrypted.mp4", options=KEYS)


def _renamed(folder: Path, kinds: tuple[bytes, ...], sound_seconds: float = 4.0) -> Path:
    """Its sample descriptions name codecs that nobody knows."""
    path = write_video(folder / "unknown.mp4", num_frames=100, sound_seconds=sound_seconds)
    whole = path.read_bytes()
    for kind in kinds:
        whole = whole.replace(kind, b"zz" + kind[2:])
    path.write_bytes(whole)
    return path


def _unknown_video(folder: Path) -> Path:
    return _renamed(folder, (b"avc1",))


def _unknown_sound(folder: Path) -> Path:
    return _renamed(folder, (b"mp4a", b"esds"))


def _mostly_noise(folder: Path) -> Path:
    """One packet in fifteen is as it was."""
    path = write_video(folder / "noise.mp4", num_frames=150, sound_seconds=6.0, options={"g": "15", "bf": "0"})
    whole = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    noise = np.random.default_rng(3)
    for number, (start, size) in enumerate(places):
        if number % 15:
            whole[start : start + size] = noise.bytes(size)
    path.write_bytes(whole)
    return path


class TestStreamsThatCannotBeDecoded:
    """They are failed, never absent."""

    @pytest.mark.parametrize(
        ("build", "video", "audio"),
        [
            (_unknown_video, "media-no-decoder", None),
            (_unknown_sound, None, "media-no-decoder"),
            (_mostly_noise, "media-damaged", None),
        ],
    )
    def test_one_of_two_fails_with_its_cause(
        self, build: Build, video: MediaCause | None, audio: MediaCause | None, tmp_path: Path
    ) -> None:
        """The other one is analysed."""
        found = decoded_here(build(tmp_path))
        assert found.failure is None and found.index is not None
        assert (found.video_fault and found.video_fault.cause) == video
        sound_fault = found.audio_fault or found.index.audio_fault
        assert (sound_fault and sound_fault.cause) == audio

    @pytest.mark.parametrize(
        ("build", "cause"),
        [
            (_encrypted, "media-encrypted"),
            (lambda folder: _renamed(folder, (b"avc1", b"mp4a", b"esds")), "media-no-decoder"),
        ],
    )
    def test_both_fail_the_file(self, build: Build, cause: MediaCause, tmp_path: Path) -> None:
        """Nothing of an encrypted file is taken for grey pictures and silence."""
        found = decoded_here(build(tmp_path))
        assert found.failure is not None
        assert found.failure.cause == cause
        assert found.pictures == []


class TestSharesOfDamagedFiles:
    """They fall with what is lost."""

    @pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
    def test_a_cut_off_file_has_a_part_of_its_length(self, share: float, tmp_path: Path) -> None:
        """Its index promises all of it."""
        path = write_video(tmp_path / "cut.mp4", num_frames=250, sound_seconds=10.0, options={"g": "25"})
        whole = path.read_bytes()
        start = whole.index(b"mdat")
        path.write_bytes(whole[: start + int((len(whole) - start) * share)])
        receipt = decoded_here(path).receipt
        assert receipt is not None and receipt.video is not None and receipt.audio is not None
        # The muxer does not interleave exactly, so the shares of both are near the file's, not equal to it.
        assert receipt.video.length_ratio == pytest.approx(share, abs=0.12)
        assert receipt.audio.length_ratio == pytest.approx(share, abs=0.12)
        assert receipt.coverage_ratio == pytest.approx(share, abs=0.17)

    def test_few_pictures_of_many(self, tmp_path: Path) -> None:
        """Packets that are noise are damaged ones, and what they show was not achieved."""
        receipt = decoded_here(_mostly_noise(tmp_path)).receipt
        assert receipt is not None and receipt.video is not None
        assert receipt.video.intact_ratio < 0.15
        assert receipt.video.achieved_ratio < 0.5
        assert (receipt.video.num_packets, receipt.video.num_damaged > 120) == (150, True)

    def test_concealed_pictures_are_damaged_ones(self, tmp_path: Path) -> None:
        """FFmpeg shows them without an error and without a flag."""
        path = write_video(tmp_path / "bent.mp4", num_frames=100, width=640, height=368, options={"g": "10", "bf": "0"})
        whole = bytearray(path.read_bytes())
        with av.open(str(path)) as container:
            places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
        for start, size in places[::2]:
            whole[start + size // 2 : start + size] = bytes(size - size // 2)
        path.write_bytes(whole)
        receipt = decoded_here(path).receipt
        assert receipt is not None and receipt.video is not None
        assert receipt.video.intact_ratio < 0.9

    def test_an_undamaged_file_has_all(self, tmp_path: Path) -> None:
        """Every share is one."""
        receipt = decoded_here(write_video(tmp_path / "whole.mp4", num_frames=100, sound_seconds=4.0)).receipt
        assert receipt is not None
        for seen in (receipt.video, receipt.audio):
            assert seen is not None
            shares = (seen.planned_ratio, seen.achieved_ratio, seen.length_ratio, seen.intact_ratio)
            assert shares == (1.0, 1.0, 1.0, 1.0)


class TestAchieved:
    """The arithmetic."""

    def test_a_slide_stands_for_as_long_as_a_player_shows_it(self) -> None:
        """However long that is."""
        assert achieved_ratio((0.5, 5.5, 50.5), (0.0, 50.0), (0.0, 50.0), (), reach_seconds=0.5) == 1.0

    def test_a_picture_before_lost_ones_does_not_stand_for_them(self) -> None:
        """A player without the damage would have shown them."""
        packets = tuple(number / 10 for number in range(100))
        wanted = tuple(second + 0.5 for second in range(10))
        assert achieved_ratio(wanted, (0.5, 1.5), packets, (), reach_seconds=0.5) == 0.2

    def test_a_damaged_picture_is_not_seen(self) -> None:
        """Though it was sampled."""
        assert achieved_ratio((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0,), reach_seconds=0.5) == 0.5

    def test_next_to_nothing_is_a_failure(self) -> None:
        """With words for it; a quarter is none."""
        little, quarter = (_seen(achieved_ratio=ratio) for ratio in (0.05, 0.25))
        fault = damage("video", little)
        assert fault is not None and fault.cause == "media-damaged" and "5% of what was planned" in fault.message
        assert damage("video", quarter) is None


class TestTimeStructures:
    """Everything that is shown is looked at, when it is shown."""

    @pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
    @pytest.mark.parametrize(("video_seconds", "audio_seconds"), [(0.0, 3.0), (3.0, 0.0), (0.0, 0.0)])
    def test_streams_that_start_apart(
        self, video_seconds: float, audio_seconds: float, suffix: str, tmp_path: Path
    ) -> None:
        """Sound that starts later than pictures does not skip them, nor the other way round."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=200, sound_seconds=8.0)
        path = remuxed(plain, tmp_path / f"apart.{suffix}", video_seconds=video_seconds, audio_seconds=audio_seconds)
        found = decoded_here(path)
        assert [round(seconds - video_seconds) for seconds in found.seconds] == list(range(8)) or found.seconds == (
            pytest.approx([video_seconds + number + 0.48 for number in range(8)], abs=0.03)
        )
        assert found.spans[0].start_seconds == pytest.approx(audio_seconds, abs=0.03)
        assert len(found.speech) / 16_000 == pytest.approx(8.0, abs=0.1)

    def test_a_trimmed_film_begins_where_it_is_shown(self, tmp_path: Path) -> None:
        """An edit hides its first seconds: length, keyframes and pictures are those of what is shown."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=250, options={"g": "25", "sc_threshold": "0"})
        found = decoded_here(remuxed(plain, tmp_path / "trim.mp4", video_seconds=-1.6))
        assert found.index is not None and found.index.video is not None
        assert found.index.video.duration_seconds == pytest.approx(8.4, abs=0.05)
        assert list(found.index.video.keyframe_seconds[:2]) == pytest.approx([0.4, 1.4], abs=0.05)
        assert len(found.seconds) == 8
        first_shown = numbered_picture(40 + round(found.seconds[0] * 25), width=320, height=180)
        assert _left_of_bar(found.pictures[0]) == pytest.approx(_left_of_bar(first_shown), abs=0.02)

    def test_a_clock_that_starts_again_goes_on(self, tmp_path: Path) -> None:
        """Transport streams behind one another are shown behind one another, sound with them."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=125, sound_seconds=5.0)
        part = remuxed(plain, tmp_path / "part.ts")
        path = tmp_path / "parts.ts"
        path.write_bytes(part.read_bytes() * 3)
        found = decoded_here(path)
        assert len(found.seconds) == 15
        assert found.seconds[-1] == pytest.approx(14.5, abs=0.2)
        assert len(found.speech) / 16_000 == pytest.approx(15.0, abs=0.3)
        assert found.receipt is not None and found.receipt.video is not None
        assert (found.receipt.coverage_ratio, found.receipt.video.achieved_ratio) == (1.0, 1.0)
        starts = [span.start_seconds for span in found.spans]
        assert starts == sorted(starts)

    @pytest.mark.parametrize("suffix", ["mp4", "mkv"])
    def test_a_stray_picture_hides_nothing_before_it(self, suffix: str, tmp_path: Path) -> None:
        """Ten seconds, then one picture an hour later."""
        path = tmp_path / f"gap.{suffix}"
        write_video(path, num_frames=251, pts=lambda number: number if number < 250 else 25 * 3600)
        found = decoded_here(path)
        assert len([seconds for seconds in found.seconds if seconds < 10.0]) >= 10
        assert found.seconds[-1] == pytest.approx(3600.0)

    @pytest.mark.parametrize("size", [(320, 180), (640, 360), (1280, 720)])
    def test_every_slide_is_seen(self, size: tuple[int, int], tmp_path: Path) -> None:
        """A slide may be a picture that no other needs, whatever its size."""
        times = [0, 4000, 9500, 12300, 20000, 21000, 30000, 33000, 36000]
        path = tmp_path / "slides.mp4"
        write_video(path, num_frames=9, width=size[0], height=size[1], rate=1000, pts=times.__getitem__)
        found = decoded_here(path)
        assert [round(seconds, 2) for seconds in found.seconds] == [time / 1000 for time in times[: len(found.seconds)]]
        assert len(found.seconds) >= 8
        assert found.index is not None
        assert found.index.duration_seconds == pytest.approx(36.0, abs=0.1)

    def test_every_slide_is_a_shot(self, tmp_path: Path) -> None:
        """Changes seconds apart are not neighbours, each of which would forbid the other."""
        times = [0, 4000, 9500, 12300, 20000, 21000, 30000, 33000, 36000]
        found = decoded_here(_slides(tmp_path / "slides.mp4", times))
        assert found.motion is not None
        cut_seconds = [transition.at_seconds for transition in transitions(found.motion)]
        assert cut_seconds == pytest.approx([time / 1000 for time in times[1:]])


class TestShapes:
    """Pictures that change in the middle."""

    def test_a_phone_that_is_turned_shows_upright_pictures(self, tmp_path: Path) -> None:
        """Each in its own shape, not squeezed into that of the first; movement stays in one size."""
        wide = write_video(tmp_path / "wide.ts", num_frames=100, width=640, height=360, options={"g": "25"})
        tall = write_video(tmp_path / "tall.ts", num_frames=100, width=180, height=320, options={"g": "25"})
        path = tmp_path / "turned.ts"
        path.write_bytes(wide.read_bytes() + tall.read_bytes())
        found = decoded_here(path)
        shapes = [picture.shape[1] / picture.shape[0] for picture in found.pictures]
        assert shapes[:4] == pytest.approx([640 / 360] * 4, abs=0.02)
        assert shapes[-3:] == pytest.approx([180 / 320] * 3, abs=0.02)
        upright = numbered_picture(0, width=180, height=320)[:160, :60].mean(axis=(0, 1))
        last = found.pictures[-1]
        corner = last[: last.shape[0] * 4 // 10, : last.shape[1] * 3 // 10].mean(axis=(0, 1))
        assert corner == pytest.approx(upright, abs=20)
        assert found.motion is not None and found.motion.luma.shape[1:] == (90, 160)

    @pytest.mark.parametrize("change", [0.1, 0.3, 0.97, 1.0, 1.02, 2.0, 9.0])
    def test_no_shape_holds_more_pixels_than_were_planned(self, change: float) -> None:
        """Memory was made for so many."""
        for size in (Size(455, 256), Size(1, 512), Size(160, 90)):
            assert same_area(size, change).pixels <= size.pixels
            assert inside(size, change).width <= size.width and inside(size, change).height <= size.height


def _slides(path: Path, times: list[int]) -> Path:
    noise = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for time in times:
            picture = np.kron(noise.integers(0, 255, (9, 16, 3), np.uint8), np.ones((20, 20, 1), np.uint8))
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _left_of_bar(picture: np.ndarray) -> float:
    """Where the bar of a numbered picture begins, over the picture's width."""
    lower = picture[int(picture.shape[0] * 0.75)].astype(int)
    return float(np.argmax(lower[:, 1] - lower[:, 0] > 80)) / picture.shape[1]


def _seen(achieved_ratio: float, length_ratio: float = 1.0, intact_ratio: float = 1.0) -> Seen:
    return Seen(
        planned_ratio=1.0,
        achieved_ratio=achieved_ratio,
        length_ratio=length_ratio,
        intact_ratio=intact_ratio,
        num_packets=100,
    )


def test_a_little_cut_off_and_a_little_damaged_add_up() -> None:
    """Neither is much, together they are."""
    shares = _seen(achieved_ratio=0.95, length_ratio=0.93, intact_ratio=0.92)
    assert shares.seen_ratio == pytest.approx(0.93 * 0.92)
    assert min(shares.achieved_ratio, shares.length_ratio, shares.intact_ratio) > 0.9 > shares.seen_ratio


def test_pictures_before_the_first_keyframe_add_up_with_other_losses() -> None:
    """A recording that begins between keyframes is not whole: what is damaged of it comes on top."""
    shares = msgspec.structs.replace(_seen(1.0, intact_ratio=0.93), num_damaged=7, num_lost=7, lead_ratio=0.07)
    assert shares.seen_ratio == pytest.approx(0.93 * 0.93)


def test_sound_that_is_concealed_and_sound_that_is_missing_add_up() -> None:
    """A damaged packet with sound is not among those that are missing; one without sound is missing once."""
    missing = msgspec.structs.replace(_seen(0.94, intact_ratio=0.94), num_damaged=6, num_lost=6)
    concealed = msgspec.structs.replace(missing, num_lost=0)
    assert missing.seen_ratio == pytest.approx(0.94)
    assert concealed.seen_ratio == pytest.approx(0.94 * 0.94)
