"""References become open files only below the allowed roots."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from pathlib import Path

import pytest

from operators.errors import InvalidMedia, MediaCause, SourceUnavailable
from operators.media.sources.file import resolve_media
from operators.media.sources.media_roots import MediaRoot, fault_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that holds one file, next to a secret that it does not hold."""
    root = tmp_path / "media"
    (root / "inner").mkdir(parents=True)
    (root / "clip.mp4").write_bytes(b"clip")
    (tmp_path / "secret").write_bytes(b"secret")
    return root


def cause_of(reference: str, root: Path, *, max_bytes: int = 1000) -> MediaCause:
    """Why `reference` is refused."""
    with pytest.raises(InvalidMedia) as caught:
        resolve_media(reference, (MediaRoot(root),), max_bytes=max_bytes)
    return caught.value.cause


class TestResolveMedia:
    """`resolve_media`."""

    @pytest.mark.parametrize("form", ["{root}/clip.mp4", "clip.mp4", "inner/../clip.mp4", "file:{root}/clip.mp4"])
    def test_opens_what_is_below_a_root(self, form: str, root: Path) -> None:
        """Absolute, relative and `file:` references open the file for reading."""
        with resolve_media(form.format(root=root), (MediaRoot(root),)) as media:
            assert os.read(media.fd, 10) == b"clip"
            assert media.size_bytes == 4

    def test_file_url(self, root: Path) -> None:
        """`file://` with an absolute path is the path."""
        with resolve_media(f"file://{root}/clip.mp4", (MediaRoot(root),)) as media:
            assert media.path == root / "clip.mp4"

    @pytest.mark.parametrize("reference", ["../secret", "inner/../../secret", "/etc/passwd", ".", ""])
    def test_refuses_what_is_outside(self, reference: str, root: Path) -> None:
        """Neither `..` nor an absolute path nor the root itself gets through."""
        assert cause_of(reference, root) == "media-outside-roots"

    def test_refuses_symlink_that_leads_outside(self, root: Path) -> None:
        """A symlink below the root is judged by where it leads."""
        (root / "link").symlink_to(root.parent / "secret")
        assert cause_of("link", root) == "media-outside-roots"

    def test_follows_symlink_that_stays_inside(self, root: Path) -> None:
        """A symlink to another file of the root is fine."""
        (root / "link").symlink_to(root / "clip.mp4")
        with resolve_media("link", (MediaRoot(root),)) as media:
            assert media.path == root / "clip.mp4"

    def test_refuses_sibling_with_the_same_beginning(self, root: Path) -> None:
        """`/media-private` is not below `/media`."""
        private = root.parent / "media-private"
        private.mkdir()
        (private / "clip.mp4").write_bytes(b"clip")
        assert cause_of(str(private / "clip.mp4"), root) == "media-outside-roots"

    def test_refuses_what_is_no_file(self, root: Path) -> None:
        """Folders and pipes are refused, and a pipe without a writer does not hang."""
        os.mkfifo(root / "pipe")
        assert cause_of("inner", root) == "media-not-a-file"
        assert cause_of("pipe", root) == "media-not-a-file"

    def test_refuses_sizes(self, root: Path) -> None:
        """Nothing at all and too much are refused."""
        (root / "empty").touch()
        assert cause_of("empty", root) == "media-empty"
        assert cause_of("clip.mp4", root, max_bytes=3) == "media-too-large"

    @pytest.mark.parametrize("reference", ["none.mp4", "clip.mp4\0.txt", "x" * 5000, "http://host/clip.mp4"])
    def test_refuses_what_does_not_exist(self, reference: str, root: Path) -> None:
        """A missing file, a null byte, a name too long and a kind of source that is not offered."""
        assert cause_of(reference, root) == "media-missing"

    def test_second_root_is_searched(self, root: Path, tmp_path: Path) -> None:
        """A relative reference is found below whichever root has it."""
        other = tmp_path / "other"
        other.mkdir()
        with resolve_media("clip.mp4", (MediaRoot(other), MediaRoot(root))) as media:
            assert media.path == root / "clip.mp4"

    def test_refusal_leaks_no_descriptor(self, root: Path) -> None:
        """What was opened before it was refused is closed."""
        (root / "empty").touch()
        cause_of("empty", root)
        links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        assert [link for link in links if link.startswith(str(root.resolve()))] == []


class TestThisMachinesFault:
    """What is waited for, and never blamed on the upload."""

    def unavailable(self, reference: str, *roots: MediaRoot) -> str:
        with pytest.raises(SourceUnavailable) as caught:
            resolve_media(reference, roots)
        return caught.value.message

    def test_no_descriptors_left(self, root: Path) -> None:
        """A process that may open no more files asks for patience."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        with (root / "clip.mp4").open("rb") as held:
            resource.setrlimit(resource.RLIMIT_NOFILE, (held.fileno() + 1, limits[1]))
            kept: list[int] = []
            try:
                with contextlib.suppress(OSError):
                    while True:
                        kept.append(os.dup(held.fileno()))
                message = self.unavailable("clip.mp4", MediaRoot(root))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                for descriptor in kept:
                    os.close(descriptor)
        assert "Too many open files" in message

    @pytest.mark.parametrize(
        "number", [errno.EIO, errno.ESTALE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT, errno.ENODEV]
    )
    def test_a_file_system_that_fails(self, number: int, root: Path) -> None:
        """Whatever the kernel says next to that there is no such file names the machine."""
        error = OSError(number, os.strerror(number))
        fault = fault_of(error, root / "clip.mp4", MediaRoot(root))
        assert isinstance(fault, SourceUnavailable)
        assert os.strerror(number) in fault.message

    @pytest.mark.parametrize(
        ("number", "cause"),
        [
            (errno.ENOENT, "media-missing"),
            (errno.ENOTDIR, "media-missing"),
            (errno.ELOOP, "media-missing"),
            (errno.ENAMETOOLONG, "media-missing"),
            (errno.EACCES, "media-forbidden"),
            (errno.ENXIO, "media-not-a-file"),
        ],
    )
    def test_a_path_that_is_wrong(self, number: int, cause: MediaCause, root: Path) -> None:
        """While the root is there, these say something of the upload's path."""
        fault = fault_of(OSError(number, os.strerror(number)), root / "clip.mp4", MediaRoot(root))
        assert isinstance(fault, InvalidMedia)
        assert fault.cause == cause

    @pytest.mark.parametrize("reference", ["gone.mp4", "{root}/gone.mp4", "{root}/deeper/gone.mp4"])
    def test_a_root_that_is_missing_or_empty(self, reference: str, tmp_path: Path) -> None:
        """Every file below a folder that is not mounted is waited for."""
        empty = tmp_path / "empty"
        empty.mkdir()
        for folder, said in ((tmp_path / "missing", "cannot be read"), (empty, "is empty")):
            assert said in self.unavailable(reference.format(root=folder), MediaRoot(folder))

    def test_a_root_on_another_device(self, root: Path) -> None:
        """A folder whose file system went away shows another file system's content."""
        other = MediaRoot(root)
        assert other.device is not None
        other.device += 1
        assert "is it mounted?" in self.unavailable("gone.mp4", other)

    def test_a_root_that_came_later(self, tmp_path: Path) -> None:
        """One that was missing at the start counts from when it is there."""
        late = MediaRoot(tmp_path / "late")
        self.unavailable("clip.mp4", late)
        late.path.mkdir()
        (late.path / "clip.mp4").write_bytes(b"clip")
        with resolve_media("clip.mp4", (late,)) as media:
            assert media.size_bytes == 4
        with pytest.raises(InvalidMedia):
            resolve_media("gone.mp4", (late,))

    def test_a_file_that_another_root_may_have(self, root: Path, tmp_path: Path) -> None:
        """A relative path that no present root has waits for the one that is not there."""
        missing = MediaRoot(tmp_path / "missing")
        assert "cannot be read" in self.unavailable("gone.mp4", MediaRoot(root), missing)
        with resolve_media("clip.mp4", (missing, MediaRoot(root))) as media:
            assert media.size_bytes == 4
