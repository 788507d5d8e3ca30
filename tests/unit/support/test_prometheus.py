"""Where a Prometheus comes from: the PATH, the cache, Debian's package; and what is said where none can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.prometheus_package import PROGRAMS, PrometheusUnavailable, find_prometheus

PACKAGE = "prometheus_2.42.0+ds-5_amd64.deb"


def script(folder: Path, name: str, text: str) -> None:
    """A program that does that."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{text}\n', encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH, but for the shell's own words."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for word in ("mkdir", "touch", "sh"):
        (folder / word).symlink_to(Path("/bin") / word)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text(encoding="utf-8").splitlines()


def debian(folder: Path, download: str = f"touch {PACKAGE}") -> None:
    """An apt that has the package, and a dpkg that unpacks it."""
    script(folder, "apt-get", download)
    script(folder, "dpkg-deb", 'mkdir -p "$3/usr/bin"; touch "$3/usr/bin/prometheus" "$3/usr/bin/promtool"')


def test_the_path_comes_first(programs: Path, tmp_path: Path) -> None:
    """An installed one is taken as it is, and nothing is fetched."""
    for name in PROGRAMS:
        script(programs, name, "")
    debian(programs)
    found = find_prometheus(tmp_path / "cache")
    assert (found.server, found.promtool) == (programs / "prometheus", programs / "promtool")
    assert not (tmp_path / "cache").exists()


def test_fetched_once(programs: Path, tmp_path: Path) -> None:
    """The package is unpacked into the cache under its version, and found there the next time."""
    debian(programs)
    first = find_prometheus(tmp_path / "cache")
    assert first.promtool == tmp_path / "cache" / "prometheus-2.42.0+ds-5" / "usr" / "bin" / "promtool"
    assert first.promtool.is_file()
    number = len(calls(programs))
    assert find_prometheus(tmp_path / "cache") == first
    assert len(calls(programs)) == number


def test_apt_is_asked_to_look_once_more(programs: Path, tmp_path: Path) -> None:
    """A machine that never asked which packages there are asks, and tries again."""
    looked = tmp_path / "looked"
    update = f'if [ "$1" = update ]; then touch {looked}; exit 0; fi'
    debian(programs, f"{update}; [ -e {looked} ] || exit 100; touch {PACKAGE}")
    assert find_prometheus(tmp_path / "cache").server.is_file()


def test_a_failure_leaves_nothing(programs: Path, tmp_path: Path) -> None:
    """Where apt fails, the message holds what it said, and the cache holds no half of it."""
    debian(programs, "echo no such package >&2; exit 100")
    with pytest.raises(PrometheusUnavailable, match="no such package"):
        find_prometheus(tmp_path / "cache")
    assert list((tmp_path / "cache").glob("prometheus-*")) == []


def test_no_debian(programs: Path, tmp_path: Path) -> None:
    """Where there is no apt, the message names it."""
    with pytest.raises(PrometheusUnavailable, match="apt-get"):
        find_prometheus(tmp_path / "cache")
