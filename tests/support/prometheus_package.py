"""A real Prometheus: the one on the PATH, or Debian's package, unpacked into the cache without being installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.assets.cache import exclusive

PROGRAMS: Final = ("prometheus", "promtool")
_FETCH_SECONDS: Final = 120.0
_DEB: Final = re.compile(r"prometheus_([^_]+)_[^_]+\.deb")


class PrometheusUnavailable(RuntimeError):
    """There is no Prometheus here and none can be had; the message names what was tried."""


@dataclass(frozen=True, slots=True)
class PrometheusPrograms:
    """Where the two programs lie."""

    server: Path
    promtool: Path


def find_prometheus(cache_dir: Path) -> PrometheusPrograms:
    """Return what is on the PATH or in the cache, and fetch Debian's package into the cache where neither is there.

    Several processes may ask at once.

    Raises:
        PrometheusUnavailable: it cannot be had; the message holds what was said.
    """
    found = _on_path() or _in_cache(cache_dir)
    if found is not None:
        return found
    with exclusive(cache_dir):
        return _in_cache(cache_dir) or _fetch(cache_dir)


def _on_path() -> PrometheusPrograms | None:
    found = [shutil.which(program) for program in PROGRAMS]
    return PrometheusPrograms(*(Path(path) for path in found if path)) if all(found) else None


def _in_cache(cache_dir: Path) -> PrometheusPrograms | None:
    """The newest one that was fetched; a folder exists only when it is complete."""
    folders = sorted(cache_dir.glob("prometheus-*"), key=lambda folder: folder.stat().st_mtime)
    return _programs_in(folders[-1]) if folders else None


def _programs_in(folder: Path) -> PrometheusPrograms:
    return PrometheusPrograms(*(folder / "usr" / "bin" / program for program in PROGRAMS))


def _fetch(cache_dir: Path) -> PrometheusPrograms:
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise PrometheusUnavailable(f"there is no `prometheus` on the PATH, and no `{missing[0]}` to fetch Debian's")
    with tempfile.TemporaryDirectory(dir=cache_dir) as name:
        work = Path(name)
        package = _download(work)
        version = _DEB.fullmatch(package.name)
        target = cache_dir / f"prometheus-{version.group(1) if version else 'unknown'}"
        _run(["dpkg-deb", "-x", str(package), str(work / "unpacked")], work)
        (work / "unpacked").rename(target)  # last, so that a killed fetch leaves nothing half-filled
    return _programs_in(target)


def _download(work: Path) -> Path:
    """Fetch the package; where apt knows of none yet, ask it to look and try again."""
    try:
        _run(["apt-get", "download", "prometheus"], work)
    except PrometheusUnavailable as first:
        try:
            _run(["apt-get", "update"], work)
            _run(["apt-get", "download", "prometheus"], work)
        except PrometheusUnavailable:
            raise first from None
    return next(work.glob("prometheus_*.deb"))


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        outcome = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise PrometheusUnavailable(f"`{' '.join(command)}` did not end within {_FETCH_SECONDS:g} s") from late
    if outcome.returncode != 0:
        said = (outcome.stdout + outcome.stderr).strip()[-1000:]
        raise PrometheusUnavailable(f"there is no `prometheus` on the PATH, and `{' '.join(command)}` failed:\n{said}")
