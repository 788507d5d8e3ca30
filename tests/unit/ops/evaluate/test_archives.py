"""Packages give their pictures: checked archives, and nothing that leaves its folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.assets.sample_registry import PACKAGED_CLIPS
from ops.evaluate.archives import fetching
from ops.evaluate.archives.archive_registry import ARCHIVES, Archive
from ops.evaluate.archives.fetching import DataUnavailable, fetch_data, files_of
from ops.evaluate.archives.unpacking import BrokenArchive, unpack
from ops.evaluate.evaluation_set import NotMeasurable


def archive(content: bytes, file_name: str, members: str) -> Archive:
    return Archive(
        name="pictures",
        file_name=file_name,
        sha256=hashlib.sha256(content).hexdigest(),
        licence="none",
        download=("no-such-package",),
        members=members,
        suffixes=(".png",),
    )


def wheel(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as opened:
        for name in names:
            opened.writestr(name, name.encode())
    return held.getvalue()


def debian(*names: str) -> bytes:
    return debian_of({name: name.encode() for name in names})


def debian_of(files: Mapping[str, bytes]) -> bytes:
    """A package of Debian: an ar archive whose third member is a compressed tar archive."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:xz") as opened:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    members = (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", held.getvalue()))
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in members)


def _member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


def unpacked(content: bytes, file_name: str, members: str, folder: Path) -> dict[str, bytes]:
    path = folder / file_name
    path.write_bytes(content)
    target = folder / "within" / "files"
    unpack(archive(content, file_name, members), path, target)
    return {found.relative_to(target).as_posix(): found.read_bytes() for found in target.rglob("*.png")}


class TestUnpacking:
    def test_wheel(self, tmp_path: Path) -> None:
        """Files of the folder with the suffix, under their names in the wheel."""
        content = wheel("data/a.png", "data/b.txt", "other/c.png")
        assert unpacked(content, "x.whl", "data/", tmp_path) == {"data/a.png": b"data/a.png"}

    def test_debian(self, tmp_path: Path) -> None:
        """Files of the folder, under their names within it; a member of odd length is skipped with its padding."""
        content = debian("./usr/share/p/in/a.png", "./usr/share/other/b.png")
        assert unpacked(content, "x.deb", "./usr/share/p/", tmp_path) == {"in/a.png": b"./usr/share/p/in/a.png"}

    def test_zip_within(self, tmp_path: Path) -> None:
        """What is in a game's zip archive is unpacked below a folder of its name, only the wanted files."""
        content = debian_of({"./usr/share/p/base.pk3": wheel("in/a.png", "in/b.txt")})
        assert unpacked(content, "x.deb", "./usr/share/p/", tmp_path) == {"base.pk3/in/a.png": b"in/a.png"}

    def test_zip_within_that_leaves(self, tmp_path: Path) -> None:
        """Nothing of it is written anywhere else."""
        with pytest.raises(BrokenArchive, match="leaves"):
            unpacked(debian_of({"./p/base.pk3": wheel("../../a.png")}), "x.deb", "./p/", tmp_path)
        assert list(tmp_path.rglob("a.png")) == []

    @pytest.mark.parametrize("name", ["data/../../a.png", "/data/a.png"])
    def test_what_leaves_its_folder(self, tmp_path: Path, name: str) -> None:
        """Nothing is written anywhere else."""
        with pytest.raises(BrokenArchive):
            unpacked(wheel(name), "x.whl", "/data" if name.startswith("/") else "data/", tmp_path)
        assert list(tmp_path.rglob("a.png")) == []

    @pytest.mark.parametrize("file_name", ["x.whl", "x.deb"])
    def test_no_archive(self, tmp_path: Path, file_name: str) -> None:
        """Other content is told as such."""
        with pytest.raises(BrokenArchive, match=file_name):
            unpacked(b"!<arch>\nnothing", file_name, "data/", tmp_path)

    def test_nothing_inside(self, tmp_path: Path) -> None:
        """An archive without the wanted files is not taken for fetched."""
        with pytest.raises(BrokenArchive, match="holds no file"):
            unpacked(wheel("data/b.txt"), "x.whl", "data/", tmp_path)


class TestFetching:
    @pytest.fixture
    def pinned(self, monkeypatch: pytest.MonkeyPatch) -> Archive:
        found = archive(wheel("data/a.png"), "x.whl", "data/")
        monkeypatch.setattr(fetching, "ARCHIVES", {found.name: found})
        return found

    def test_a_file_that_is_there(self, pinned: Archive, tmp_path: Path) -> None:
        """Without a network, the archive can be put into the folder; it is unpacked once."""
        (tmp_path / "x.whl").write_bytes(wheel("data/a.png"))
        said: list[str] = []
        fetch_data(tmp_path, said.append)
        fetch_data(tmp_path, said.append)
        assert said == ["fetching x.whl"]
        assert (files_of("pictures", tmp_path) / "data/a.png").is_file()

    def test_another_content(self, pinned: Archive, tmp_path: Path) -> None:
        """An archive with another digest is refused, and nothing of it stays."""
        (tmp_path / "x.whl").write_bytes(wheel("data/b.png"))
        with pytest.raises(DataUnavailable, match=pinned.sha256):
            fetch_data(tmp_path, lambda _line: None)
        with pytest.raises(NotMeasurable, match="make evaluation-data"):
            files_of("pictures", tmp_path)
        assert not list(tmp_path.rglob("*.png"))


def test_no_archive_is_one_of_the_samples() -> None:
    """What is measured comes from other packages than the sample clips, which thresholds were looked at with."""
    of_samples = {clip.source.package.partition("==")[0] for clip in PACKAGED_CLIPS}
    named = {word.partition("=")[0] for each in ARCHIVES.values() for word in each.download if not word.startswith("-")}
    assert of_samples & named == set()
