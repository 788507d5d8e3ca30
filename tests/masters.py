"""The same pictures mastered for screens of all kinds: codes by the formulas of ITU-R BT.2100, from light to code.

The product goes from code to light, by tables of its own; here nothing is shared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Planes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]

_TRANSFERS = {"sdr": 1, "pq": 16, "hlg": 18}
_PRIMARIES = {"bt709": 1, "bt2020": 9}
_MATRICES = {"bt709": (1, 0.2126, 0.0722), "bt601": (6, 0.299, 0.114), "bt2020": (9, 0.2627, 0.0593)}
"""Number by ITU-T H.273, and the shares of red and blue in luma."""
_BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


@dataclass(frozen=True, slots=True)
class Master:
    """How pictures are mastered and stored."""

    transfer: Literal["sdr", "pq", "hlg"] = "sdr"
    primaries: Literal["bt709", "bt2020"] = "bt709"
    matrix: Literal["bt709", "bt601", "bt2020"] = "bt709"
    bits: int = 8
    is_full_range: bool = False
    white_nits: float = 203.0
    """Where the white of the SDR picture is put."""

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name."""
        return "yuv420p" if self.bits == 8 else f"yuv420p{self.bits}le"

    def frame(self, picture: Picture, states_matrix: bool = True) -> av.VideoFrame:
        """One picture as an encoder takes it."""
        height, width = picture.shape[:2]
        frame = av.VideoFrame(width, height, self.pixel_format)
        for plane, codes in zip(frame.planes, self._planes(picture), strict=True):
            kind = np.uint8 if self.bits == 8 else np.uint16
            room = np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)
            room[:, : codes.shape[1]] = np.clip(np.rint(codes), 0, 2**self.bits - 1).astype(kind)
        frame.color_range = 2 if self.is_full_range else 1
        frame.colorspace = _MATRICES[self.matrix][0] if states_matrix else 2
        frame.color_trc, frame.color_primaries = _TRANSFERS[self.transfer], _PRIMARIES[self.primaries]
        return frame

    def _planes(self, picture: Picture) -> Planes:
        _, red, blue = _MATRICES[self.matrix]
        codes = self._codes(picture / 255.0)
        luma = codes @ (red, 1 - red - blue, blue)
        blueness = _halved((codes[..., 2] - luma) / (2 - 2 * blue))
        redness = _halved((codes[..., 0] - luma) / (2 - 2 * red))
        top, scale = 2**self.bits - 1, 2 ** (self.bits - 8)
        if self.is_full_range:
            return luma * top, blueness * top + 2 ** (self.bits - 1), redness * top + 2 ** (self.bits - 1)
        return (luma * 219 + 16) * scale, (blueness * 224 + 128) * scale, (redness * 224 + 128) * scale

    def _codes(self, sdr: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self.transfer == "sdr" and self.primaries == "bt709":
            return sdr
        light = sdr**2.4 if self.primaries == "bt709" else sdr**2.4 @ _BT709_TO_BT2020.T
        match self.transfer:
            case "pq":
                return _pq(light * self.white_nits)
            case "hlg":
                return _hlg(light * self.white_nits)
            case _:
                return light ** (1 / 2.4)


def _halved(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    height, width = plane.shape
    return plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def _pq(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of a display with a peak of 1,000 cd/m2."""
    display = nits / 1_000
    luminance = np.maximum(display @ (0.2627, 0.6780, 0.0593), 1e-9)
    scene = display * luminance[..., np.newaxis] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


def write_master(
    path: Path,
    pictures: Sequence[Picture],
    masters: Sequence[Master] | Master,
    *,
    codec: str = "ffv1",
    options: dict[str, str] | None = None,
    rate: int = 5,
    states_matrix: bool = True,
) -> Path:
    """Encode pictures, each by its own master or all by one."""
    each = [masters] * len(pictures) if isinstance(masters, Master) else masters
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = each[0].pixel_format
        context, first = stream.codec_context, each[0].frame(pictures[0], states_matrix)
        context.color_range, context.colorspace = first.color_range, first.colorspace
        context.color_trc, context.color_primaries = first.color_trc, first.color_primaries
        for number, (picture, master) in enumerate(zip(pictures, each, strict=True)):
            frame = master.frame(picture, states_matrix)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
