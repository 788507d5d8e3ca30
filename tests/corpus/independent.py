"""Decoders that share nothing with FFmpeg, held against what the product samples: `python -m tests.corpus.independent`.

Both sides of `oracle` are FFmpeg. Here each picture comes from an implementation of its own, and what each picture
carries, its number, says whether the pictures are shown in the order in which they were written.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.bitstream import BitStreamFilterContext
from PIL import Image

from tests.corpus.cases import LARGE, Case
from tests.corpus.coded import number_of
from tests.corpus.openh264 import OPENH264, openh264_pictures
from tests.decoded_here import decoded_here

os.environ.setdefault("SVT_LOG", "1")  # the encoder of AV1 is talkative
Pixels = npt.NDArray[np.uint8]
TIMEOUT_SECONDS = 300.0
MAX_DIFFERENCE = 3.0
"""Mean over a picture, of 255: decoders agree to a bit, conversions to RGB and scaling differ."""


@dataclass(frozen=True, slots=True)
class IndependentDecoder:
    """One implementation."""

    name: str
    package: str
    """Where it is to be had, for people."""
    is_here: Callable[[], bool]
    pictures: Callable[[Path, Path], Iterator[Pixels]]
    """All pictures of a file as RGB, in the order in which they are shown; the second argument is a folder for work."""


def _program(*names: str) -> str | None:
    return next((found for found in map(shutil.which, names) if found), None)


def _run(*command: str | Path) -> bytes:
    return subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_SECONDS).stdout


def _elementary(path: Path, target: Path) -> Path:
    """The packets of the first video stream, without the container."""
    with av.open(str(path)) as source, av.open(str(target), "w") as bare:
        stream = bare.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                bare.mux(packet)
    return target


def _frames_of_av1(path: Path, target: Path) -> Path:
    """In IVF: FFmpeg's muxers know no encoder by the name of its decoder."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        packets = [bytes(packet) for packet in source.demux(stream) if packet.size]
        head = struct.pack(
            "<4sHH4sHHIIII", b"DKIF", 0, 32, b"AV01", stream.width, stream.height, 25, 1, len(packets), 0
        )
    frames = (struct.pack("<IQ", len(packet), number) + packet for number, packet in enumerate(packets))
    target.write_bytes(head + b"".join(frames))
    return target


def _size(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def rgb(luma: Pixels, blue: Pixels, red: Pixels) -> Pixels:
    """Of 4:2:0 by ITU-R BT.601 with limited range, which all files of the corpus are."""
    height, width = luma.shape
    wide = [np.repeat(np.repeat(plane, 2, 0), 2, 1)[:height, :width].astype(np.float32) - 128 for plane in (blue, red)]
    grey = (luma.astype(np.float32) - 16) * (255 / 219)
    cb, cr = (plane * (255 / 224) for plane in wide)
    planes = (grey + 1.402 * cr, grey - 0.344136 * cb - 0.714136 * cr, grey + 1.772 * cb)
    return np.clip(np.rint(np.stack(planes, axis=2)), 0, 255).astype(np.uint8)


def _planar(whole: bytes, size: tuple[int, int]) -> Iterator[Pixels]:
    """Of files that are nothing but I420 pictures."""
    width, height = size
    num_luma, num_chroma = width * height, width * height // 4
    for place in range(0, len(whole) - num_luma - 2 * num_chroma + 1, num_luma + 2 * num_chroma):
        parts = np.frombuffer(whole, np.uint8, num_luma + 2 * num_chroma, place)
        luma, blue, red = np.split(parts, (num_luma, num_luma + num_chroma))
        half = (height // 2, width // 2)
        yield rgb(luma.reshape(height, width), blue.reshape(half), red.reshape(half))


def _by_libvpx(path: Path, folder: Path) -> Iterator[Pixels]:
    """With a demuxer of its own, too."""
    _run(_program("vpxdec") or "", "--i420", "-o", folder / "out.yuv", path)
    yield from _planar((folder / "out.yuv").read_bytes(), _size(path))


def _by_libde265(path: Path, folder: Path) -> Iterator[Pixels]:
    bare = _elementary(path, folder / "bare.hevc")
    _run(_program("libde265-dec265", "dec265") or "", "-q", "-o", folder / "out.yuv", bare)
    yield from _planar((folder / "out.yuv").read_bytes(), _size(path))


def _by_libaom(path: Path, folder: Path) -> Iterator[Pixels]:
    """The reference decoder; the one in FFmpeg is dav1d."""
    bare = _frames_of_av1(path, folder / "bare.ivf")
    _run(_program("aomdec") or "", "--i420", "-o", folder / "out.yuv", bare)
    yield from _planar((folder / "out.yuv").read_bytes(), _size(path))


_END_OF_SEQUENCE = b"\0\0\1\xb7"


def _by_libmpeg2(path: Path, folder: Path) -> Iterator[Pixels]:
    """Each picture is one of grey: the luma, and below it both chroma planes next to each other."""
    bare = _elementary(path, folder / "bare.m2v")
    bare.write_bytes(bare.read_bytes() + _END_OF_SEQUENCE)  # otherwise it keeps the last two pictures
    whole, place = _run(_program("mpeg2dec") or "", "-o", "pgmpipe", bare), 0
    while (place := whole.find(b"P5", place)) >= 0:
        magic, size, most = whole[place : place + 40].split(b"\n")[:3]
        width, rows = (int(number) for number in size.split())
        start = place + len(magic) + len(size) + len(most) + 3
        picture = np.frombuffer(whole, np.uint8, width * rows, start).reshape(rows, width)
        height, half = rows * 2 // 3, width // 2
        yield rgb(picture[:height], picture[height:, :half], picture[height:, half:])
        place = start + width * rows


def _by_libjpeg(path: Path, _: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                (_ / "one.jpg").write_bytes(bytes(packet))
                with Image.open(_ / "one.jpg") as image:
                    yield np.asarray(image.convert("RGB"))


def _by_openh264(path: Path, _: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        units = BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [bytes(unit) for packet in container.demux(stream) if packet.size for unit in units.filter(packet)]
    for luma, blue, red in openh264_pictures(packets):
        yield rgb(luma, blue, red)


DECODERS: Mapping[str, IndependentDecoder] = {
    "h264": IndependentDecoder("OpenH264", "libopenh264-7", lambda: OPENH264 is not None, _by_openh264),
    "hevc": IndependentDecoder(
        "libde265", "libde265-examples", lambda: bool(_program("libde265-dec265", "dec265")), _by_libde265
    ),
    "vp8": IndependentDecoder("libvpx", "vpx-tools", lambda: bool(_program("vpxdec")), _by_libvpx),
    "vp9": IndependentDecoder("libvpx", "vpx-tools", lambda: bool(_program("vpxdec")), _by_libvpx),
    "av1": IndependentDecoder("libaom", "aom-tools", lambda: bool(_program("aomdec")), _by_libaom),
    "mpeg2": IndependentDecoder("libmpeg2", "mpeg2dec", lambda: bool(_program("mpeg2dec")), _by_libmpeg2),
    "mjpeg": IndependentDecoder("libjpeg-turbo", "pillow, by pip", lambda: True, _by_libjpeg),
}
"""By the first word of a case's codec. Nothing is to be had for MPEG-4 part 2 and FFV1 that is not FFmpeg."""

CASES: Sequence[Case] = (
    Case("mp4", "h264", "phone"),
    Case("mkv", "h264 B", "slides"),
    Case("ts", "h264", "25 a second"),
    Case("flv", "h264", "5 a second"),
    Case("mp4", "h264", "25 a second", size=LARGE, has_sound=False),
    Case("mkv", "h264 intra", "1 a second"),
    Case("mp4", "h264", "phone", "fragments"),
    Case("mp4", "hevc closed", "phone"),
    Case("mkv", "hevc", "slides"),
    Case("ts", "hevc closed", "25 a second"),
    Case("webm", "vp8", "25 a second"),
    Case("webm", "vp8", "phone"),
    Case("webm", "vp9", "25 a second"),
    Case("webm", "vp9", "slides"),
    Case("mp4", "av1", "25 a second"),
    Case("mkv", "av1", "phone"),
    Case("ts", "mpeg2", "25 a second"),
    Case("mpg", "mpeg2", "25 a second"),
    Case("mov", "mjpeg", "phone"),
    Case("avi", "mjpeg", "25 a second"),
    Case("mkv", "mjpeg", "slides"),
)
"""Files in which no packet is hidden, so that all of an elementary stream is shown.

Few of H.264 have B pictures and none of HEVC an open group: OpenH264 2.3.1 shows another picture in place of one in
fifty of the former, libde265 1.0.11 damages the last one before a keyframe of the latter, as their numbers say."""


@dataclass(slots=True)
class Agreement:
    """What came of one file."""

    name: str
    decoder: str
    num_pictures: int = 0
    num_compared: int = 0
    worst_difference: float = 0.0
    faults: list[str] = field(default_factory=list)


def decoder_of(case: Case) -> IndependentDecoder:
    """The one for the case's codec."""
    return DECODERS[case.codec.split()[0]]


def agreement(case: Case, folder: Path) -> Agreement:
    """Build a case, decode it by the product and by the other decoder, and compare."""
    decoder, path = decoder_of(case), case.build(folder)
    shown = list(decoder.pictures(path, folder))
    result = Agreement(case.name, decoder.name, num_pictures=len(shown))
    numbers = [number_of(pixels) for pixels in shown]
    if numbers != list(range(len(case.times_ms))):
        result.faults.append(f"{decoder.name} shows {len(numbers)} of {len(case.times_ms)} pictures: {numbers}")
        return result
    found = decoded_here(path)
    if found.failure is not None or not found.pictures:
        result.faults.append(f"failed: {found.failure}")
    sampled = [number_of(pixels) for pixels in found.pictures]
    if sampled != sorted(set(sampled)):
        result.faults.append(f"sampled pictures are out of order: {sampled}")
    for number, pixels in zip(sampled, found.pictures, strict=True):
        _compare(number, pixels, shown, result)
    return result


def _compare(number: int, pixels: Pixels, shown: list[Pixels], result: Agreement) -> None:
    """In the smaller of both sizes."""
    if number >= len(shown):
        result.faults.append(f"picture {number} is not in the file")
        return
    pair = [Image.fromarray(each) for each in (pixels, shown[number])]
    size = min((image.size for image in pair), key=lambda size: size[0] * size[1])
    ours, theirs = (np.asarray(image.resize(size, Image.Resampling.BOX)).astype(int) for image in pair)
    difference = float(np.abs(ours - theirs).mean())
    result.num_compared += 1
    result.worst_difference = max(result.worst_difference, difference)
    if difference > MAX_DIFFERENCE:
        result.faults.append(f"picture {number} differs by {difference:.1f}")


HEAD = (
    "| codec | decoder | files | pictures, all in order | compared | worst picture, of 255 |",
    "|---|---|---|---|---|---|",
)


def main(words: list[str]) -> int:
    """Run those that are here, print, judge."""
    began, results, absent = time.monotonic(), list[tuple[str, Agreement]](), set[str]()
    for case in CASES:
        decoder = decoder_of(case)
        if not all(word in case.name for word in words):
            continue
        if not decoder.is_here():
            absent.add(f"{decoder.name} ({decoder.package})")
            continue
        with tempfile.TemporaryDirectory() as folder:
            results.append((case.codec.split()[0], agreement(case, Path(folder))))
    wrong = [result for _, result in results if result.faults]
    lines = [*HEAD, *_rows(results), *(f"{result.name}: {'; '.join(result.faults[:3])}" for result in wrong)]
    lines += [f"absent: {', '.join(sorted(absent))}"] if absent else []
    lines.append(f"{len(results)} files, {len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


def _rows(results: list[tuple[str, Agreement]]) -> Iterator[str]:
    for codec in DECODERS:
        found = [result for name, result in results if name == codec]
        if found:
            worst = max(result.worst_difference for result in found)
            pictures, compared = (
                sum(getattr(each, name) for each in found) for name in ("num_pictures", "num_compared")
            )
            yield f"| {codec} | {found[0].decoder} | {len(found)} | {pictures} | {compared} | {worst:.2f} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
