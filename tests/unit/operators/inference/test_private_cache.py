"""A cache gives back what was put into it by this user, whole, or nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from operators.inference.private_cache import PrivateCache

MAX_BYTES = 10_000


@pytest.fixture
def cache(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "above" / "compiled", MAX_BYTES)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class TestReadAndWrite:
    def test_gives_back_what_was_written(self, cache: PrivateCache) -> None:
        """Under its name, in place of what was there before."""
        cache.write("entry", b"first")
        cache.write("entry", b"second")
        assert cache.read("entry") == b"second"
        assert cache.read("other") is None

    def test_belongs_to_its_user_alone(self, cache: PrivateCache) -> None:
        """Folder 0700 and file 0600, whatever the umask allows."""
        before = os.umask(0)
        try:
            cache.write("entry", b"content")
        finally:
            os.umask(before)
        assert mode_of(cache.folder) == 0o700
        assert mode_of(cache.folder / "entry") == 0o600

    def test_leaves_nothing_unfinished(self, cache: PrivateCache) -> None:
        """A write is one file, under its name."""
        cache.write("entry", b"content")
        assert [path.name for path in cache.folder.iterdir()] == ["entry"]

    @pytest.mark.parametrize("name", ["", "../outside", "/etc/passwd", "with/slash", ".hidden", "line\n", "A"])
    def test_names_stay_inside(self, cache: PrivateCache, name: str) -> None:
        """A name is no path."""
        with pytest.raises(ValueError, match="name of a cache entry is"):
            cache.read(name)


class TestDamage:
    @pytest.mark.parametrize("place", [0, 31, 32, -1])
    def test_one_bit_is_noticed(self, cache: PrivateCache, place: int) -> None:
        """In the digest or in the content; the entry can be written again."""
        cache.write("entry", b"some content")
        path = cache.folder / "entry"
        damaged = bytearray(path.read_bytes())
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert cache.read("entry") is None
        cache.write("entry", b"some content")
        assert cache.read("entry") == b"some content"

    @pytest.mark.parametrize("length", [0, 1, 32, 40])
    def test_a_part_is_no_entry(self, cache: PrivateCache, length: int) -> None:
        """As after a power cut."""
        cache.write("entry", b"some content")
        path = cache.folder / "entry"
        path.write_bytes(path.read_bytes()[:length])
        assert cache.read("entry") is None

    def test_another_kind_of_file_is_no_entry(self, cache: PrivateCache, tmp_path: Path) -> None:
        """Neither a link, nor a folder, nor a pipe, which would be waited for."""
        cache.write("entry", b"content")
        (tmp_path / "elsewhere").write_bytes((cache.folder / "entry").read_bytes())
        (cache.folder / "link").symlink_to(tmp_path / "elsewhere")
        (cache.folder / "folder").mkdir()
        os.mkfifo(cache.folder / "pipe")
        assert [cache.read(name) for name in ("link", "folder", "pipe")] == [None, None, None]


class TestOthers:
    @pytest.mark.parametrize("mode", [0o660, 0o606, 0o666])
    def test_a_file_that_others_may_write_is_not_trusted(self, cache: PrivateCache, mode: int) -> None:
        """Its digest says nothing: who can write the content can write the digest."""
        cache.write("entry", b"content")
        (cache.folder / "entry").chmod(mode)
        assert cache.read("entry") is None

    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o755])
    def test_a_folder_that_is_open_to_others_is_not_used(self, cache: PrivateCache, mode: int) -> None:
        """Neither for reading nor for writing."""
        cache.write("entry", b"content")
        cache.folder.chmod(mode)
        assert cache.read("entry") is None
        cache.write("new", b"content")
        assert not (cache.folder / "new").exists()

    def test_what_belongs_to_another_user_is_not_trusted(
        self, cache: PrivateCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Anyone who that is."""
        cache.write("entry", b"content")
        user_id = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: user_id + 1)
        assert cache.read("entry") is None

    def test_a_link_in_place_of_the_folder_is_not_followed(self, cache: PrivateCache, tmp_path: Path) -> None:
        """It may lead anywhere, tomorrow somewhere else."""
        cache.write("entry", b"content")
        cache.folder.rename(tmp_path / "moved")
        cache.folder.symlink_to(tmp_path / "moved")
        assert cache.read("entry") is None


class TestTrouble:
    def test_a_place_that_cannot_be_written_is_no_error(self, tmp_path: Path) -> None:
        """As in an image whose root is read-only: nothing is kept."""
        (tmp_path / "file").write_text("no folder")
        cache = PrivateCache(tmp_path / "file" / "compiled", MAX_BYTES)
        cache.write("entry", b"content")
        assert cache.read("entry") is None

    def test_a_full_disk_is_no_error(self, cache: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was there stays, and nothing unfinished is left."""
        cache.write("entry", b"first")

        def full(_path: Path, _target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        cache.write("entry", b"second")
        monkeypatch.undo()
        assert cache.read("entry") == b"first"
        assert [path.name for path in cache.folder.iterdir()] == ["entry"]


class TestBound:
    def test_the_least_recently_used_goes_first(self, cache: PrivateCache) -> None:
        """Reading counts as using."""
        for age, name in ((300, "oldest"), (200, "middle"), (100, "newest")):
            cache.write(name, b"x" * 3_000)
            past = time.time() - age
            os.utime(cache.folder / name, (past, past))
        cache.read("oldest")
        cache.write("another", b"x" * 3_000)
        assert sorted(path.name for path in cache.folder.iterdir()) == ["another", "newest", "oldest"]

    def test_what_is_larger_than_all_is_not_kept(self, cache: PrivateCache) -> None:
        """Nor does it push anything out."""
        cache.write("small", b"content")
        cache.write("huge", b"x" * MAX_BYTES)
        assert [path.name for path in cache.folder.iterdir()] == ["small"]

    def test_nothing_is_kept_where_there_may_be_nothing(self, tmp_path: Path) -> None:
        """Size 0 switches the cache off."""
        cache = PrivateCache(tmp_path / "compiled", 0)
        cache.write("entry", b"")
        assert not cache.folder.exists()

    def test_what_a_dead_writer_left_is_removed(self, cache: PrivateCache) -> None:
        """But not what another one is at."""
        cache.write("entry", b"content")
        dead, alive = cache.folder / ".unfinished-dead", cache.folder / ".unfinished-alive"
        for path in (dead, alive):
            path.write_bytes(b"half")
        os.utime(dead, (1.0, 1.0))
        cache.write("entry", b"content")
        assert sorted(path.name for path in cache.folder.iterdir()) == [".unfinished-alive", "entry"]


WRITER = """
import sys
from pathlib import Path
from operators.inference.private_cache import PrivateCache
cache = PrivateCache(Path(sys.argv[1]), 10_000_000)
mine = sys.argv[2].encode() * 50_000
sys.stdin.read()
for _ in range(50):
    cache.write("entry", mine)
    found = cache.read("entry")
    assert found is not None and len(set(found)) == 1 and len(found) == 50_000, found[:10]
"""


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    """Each reads a whole entry at any time, its own or the other's, although both write."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "compiled")]
    writers = [subprocess.Popen([*command, letter], stdin=subprocess.PIPE, stderr=subprocess.PIPE) for letter in "ab"]
    ends = [writer.communicate() for writer in writers]
    assert [(writer.returncode, end[1]) for writer, end in zip(writers, ends, strict=True)] == [(0, b""), (0, b"")]


class TestExclusive:
    def test_the_lock_ends_with_the_work(self, cache: PrivateCache) -> None:
        """Also with work that fails; the lock is no entry."""
        with pytest.raises(ZeroDivisionError), cache.exclusive(60.0):
            _ = 1 / 0
        with cache.exclusive(60.0):
            cache.write("entry", b"content")
        assert [path.name for path in cache.folder.iterdir()] == ["entry"]

    def test_the_timeout_ends_it(self, cache: PrivateCache) -> None:
        """A process that was halted with the lock keeps nobody from starting."""
        with cache.exclusive(60.0), cache.exclusive(0.0):
            cache.write("entry", b"content")
        assert cache.read("entry") == b"content"

    @pytest.mark.parametrize("mode", [0o755, 0o777])
    def test_a_folder_that_is_not_used_is_not_locked(self, cache: PrivateCache, mode: int) -> None:
        """The work is done all the same."""
        cache.folder.mkdir(parents=True)
        cache.folder.chmod(mode)
        with cache.exclusive(60.0):
            cache.write("entry", b"content")
        assert list(cache.folder.iterdir()) == []


class TestTroubleToSay:
    def test_none_where_entries_can_be_kept(self, cache: PrivateCache) -> None:
        """Before the folder is made and afterwards; asking makes nothing."""
        assert cache.trouble() == ""
        assert not cache.folder.exists()
        cache.write("entry", b"content")
        assert cache.trouble() == ""
        assert cache.used_bytes() == len(b"content") + 32

    def test_says_what_is_wrong(self, cache: PrivateCache, tmp_path: Path) -> None:
        """A folder that others can enter, something else in its place, no room allowed."""
        cache.write("entry", b"content")
        cache.folder.chmod(0o755)
        assert "has mode 0755" in cache.trouble()
        assert "is of another kind" in PrivateCache(cache.folder / "entry", MAX_BYTES).trouble()
        assert PrivateCache(tmp_path / "compiled", 0).trouble() == "it may have 0 bytes"

    def test_a_folder_that_cannot_be_looked_at_is_no_error(self, tmp_path: Path) -> None:
        """No name, no permission: whatever the system says of it stays inside."""
        unnameable = PrivateCache(tmp_path / ("x" * 300) / "compiled", MAX_BYTES)
        assert (unnameable.trouble(), unnameable.used_bytes()) == ("", 0)
