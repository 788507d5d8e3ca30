"""Media that says of itself what it is: pictures carry their numbers, no moment of sound is like another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

NUM_BITS = 10
_COLUMNS, _ROWS = 5, 2
_DARK, _BRIGHT = 45, 210
SOUND_HZ = 48_000


def coded_picture(number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """`(height, width, 3)` uint8: ten fields, bright where the number has a bit."""
    bits = [(number >> bit) & 1 for bit in range(NUM_BITS)]
    fields = np.array([_BRIGHT if bit else _DARK for bit in bits], np.uint8).reshape(_ROWS, _COLUMNS)
    rows = np.arange(height) * _ROWS // height
    columns = np.arange(width) * _COLUMNS // width
    picture = np.repeat(fields[rows][:, columns][:, :, np.newaxis], 3, axis=2)
    picture[..., 2] = np.minimum(picture[..., 2], 180)
    return picture


def number_of(pixels: npt.NDArray[np.uint8]) -> int:
    """The number that a picture of any size carries."""
    height, width = pixels.shape[:2]
    number = 0
    for bit in range(NUM_BITS):
        row, column = divmod(bit, _COLUMNS)
        top, left = (row + 0.3) * height / _ROWS, (column + 0.3) * width / _COLUMNS
        field = pixels[int(top) : int(top + 0.4 * height / _ROWS), int(left) : int(left + 0.4 * width / _COLUMNS), :2]
        number |= int(field.mean() > (_DARK + _BRIGHT) / 2) << bit
    return number


def coded_sound(seconds: float) -> npt.NDArray[np.float32]:
    """`(N,)` float32 at 48 kHz: noise, the same at every call, that no shift in time makes alike."""
    noise = np.random.default_rng(11).standard_normal(int(seconds * SOUND_HZ) + 64)
    return (0.12 * np.convolve(noise, np.hanning(24), "same"))[: int(seconds * SOUND_HZ)].astype(np.float32)


def write_coded(
    path: Path,
    *,
    times_ms: Sequence[int],
    codec: str,
    options: Mapping[str, str],
    size: tuple[int, int],
    sound_codec: str | None,
    sound_seconds: float,
    flags: Mapping[str, str],
    is_even: bool,
    rotation_degrees: int = 0,
    layout: str = "mono",
) -> None:
    """Encode one numbered picture for each time, and sound next to them."""
    with av.open(str(path), "w", container_options={"max_interleave_delta": "0", **flags}) as container:
        stream = container.add_stream(codec, rate=25, options=dict(options))
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv422p10le" if codec == "prores_ks" else "yuv420p"
        if rotation_degrees:
            stream.set_display_rotation(rotation_degrees)
        base = Fraction(1, 25) if is_even else Fraction(1, 1000)
        stream.codec_context.time_base = base
        sound = container.add_stream(sound_codec, rate=SOUND_HZ) if sound_codec else None
        if sound is not None:
            sound.layout = layout
        for number, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(coded_picture(number, *size), "rgb24")
            frame.pts, frame.time_base = round(Fraction(time_ms, 1000) / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _write_sound(container, sound, sound_seconds, layout)


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float, layout: str) -> None:
    """The same noise in all channels."""
    samples = coded_sound(seconds)
    channels = np.repeat(samples[np.newaxis], av.AudioLayout(layout).nb_channels, axis=0)
    kind = {"pcm_s16le": "s16", "flac": "s16", "libopus": "flt", "libmp3lame": "s16p", "mp2": "s16"}
    wanted = kind.get(stream.codec_context.name, "fltp")
    resampler = av.AudioResampler(wanted, layout, SOUND_HZ)
    for start in range(0, len(samples), 1152):
        part_of_all = np.ascontiguousarray(channels[:, start : start + 1152])
        frame = av.AudioFrame.from_ndarray(part_of_all, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, start, Fraction(1, SOUND_HZ)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
    container.mux(stream.encode())
