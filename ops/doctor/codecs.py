"""The codecs: decoders of the installed FFmpeg."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from av.codec import Codec
from av.codec.codec import UnknownCodecError

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1"),
    "aac": ("aac",),
    "opus": ("opus", "libopus"),
    "mp3": ("mp3", "mp3float"),
}
"""By codec, FFmpeg's software decoders; FFmpeg's own `av1` needs hardware."""


def has_decoder(name: str) -> bool:
    """Return whether PyAV's FFmpeg has a decoder of that name."""
    try:
        Codec(name, "r")
    except UnknownCodecError:
        return False
    return True


def examine(context: CheckContext, has: Callable[[str], bool] = has_decoder) -> Iterator[Finding]:
    """Check PyAV's decoders by name, and whether the second decoder is installed."""
    del context
    missing = [codec for codec, decoders in NEEDED.items() if not any(has(name) for name in decoders)]
    if missing:
        yield wrong(
            "decoders",
            f"PyAV {_version('av')} has none for {', '.join(missing)}",
            means="such videos become failed signals and a dead letter each",
            do="install av from its wheel, whose FFmpeg has them: .venv/bin/pip install --force-reinstall av",
        )
    else:
        yield ok("decoders", f"PyAV {_version('av')}: {', '.join(NEEDED)}")
    yield _second()


def _second() -> Finding:
    found = _version("decord2")
    if found is None:
        return warning(
            "second decoder",
            "decord2 is not installed",
            means="what PyAV cannot read is not tried again",
            do=".venv/bin/pip install --constraint constraints.txt decord2",
        )
    return ok("second decoder", f"decord2 {found}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
