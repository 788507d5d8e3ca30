"""Paths on a command line, before anything is published."""

from __future__ import annotations

import os
from pathlib import Path

from ops.cli.local_media import path_problems


def test_files_and_addresses_are_fine(tmp_path: Path) -> None:
    """What can be read is; an address is not asked for."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(clip)
    media = [str(clip), str(tmp_path / "link.mp4"), "https://cdn.example/a.mp4", "s3://bucket/a.mp4"]
    assert path_problems(media) == []


def test_each_wrong_path_is_named(tmp_path: Path) -> None:
    """Missing, a folder, a pipe, a loop of links, a name that is none: one line each, with the path and why."""
    os.mkfifo(tmp_path / "pipe")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    wrong = [str(tmp_path / "nofile.mp4"), str(tmp_path), str(tmp_path / "pipe"), str(loop), "a\0b"]
    problems = path_problems(wrong)
    assert [problem.rpartition(": ")[0] for problem in problems] == wrong
    assert "No such file" in problems[0]
    assert problems[1].endswith("is not a regular file") and problems[2].endswith("is not a regular file")
