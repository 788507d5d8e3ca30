"""The hub snapshot that a card states as the origin of its files, compared with what the folder itself states.

A hub's cache has folders such as `models--owner--name/snapshots/<commit>`. A download into a folder of one's own leaves
`.cache/huggingface/download/<file>.metadata` there, whose first line is the commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

from models.card import HubOrigin
from models.card_errors import refuse
from models.card_model_fields import ExportTable, OnnxTable, TorchscriptTable, TransformersTable

_DOWNLOADED: Final = PurePosixPath(".cache/huggingface/download")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_MAX_METADATA_BYTES: Final = 1_000
_MAX_METADATA_FILES: Final = 100


def hub_origin(
    model: TorchscriptTable | ExportTable | OnnxTable | TransformersTable, path: Path, place: str
) -> HubOrigin | None:
    """Return where a card's files come from; None if it does not say.

    Args:
        model: the card's `[model]`.
        path: of the card's file.
        place: folder or file of the model, below the card's folder.

    Raises:
        CardInvalid: only one of repository and revision is given, or the folder states another one.
    """
    if model.repository is None and model.revision is None:
        return None
    if model.repository is None or model.revision is None:
        given, lacking = ("repository", "revision") if model.revision is None else ("revision", "repository")
        raise refuse(path, f"model.{lacking}", None, f"given together with model.{given}")
    for repository in _stated_repositories(path.parent / place):
        if repository != model.repository:
            raise refuse(path, "model.repository", model.repository, f"{repository}, by the name of the folder")
    for revision, said_by in _stated_revisions(path.parent / place):
        if revision != model.revision:
            raise refuse(path, "model.revision", model.revision, f"{revision}, by {said_by}")
    return HubOrigin(model.repository, model.revision)


def _stated_repositories(place: Path) -> Iterator[str]:
    for part in place.parts:
        if part.startswith("models--") and part.count("--") == 2:
            yield part.removeprefix("models--").replace("--", "/")


def _stated_revisions(place: Path) -> Iterator[tuple[str, str]]:
    for part, following in pairwise(place.parts):
        if part == "snapshots" and _COMMIT.fullmatch(following):
            yield following, "the name of the folder"
    downloaded = (place if place.is_dir() else place.parent) / _DOWNLOADED
    for path in sorted(downloaded.glob("**/*.metadata"))[:_MAX_METADATA_FILES]:
        commit = _first_line(path)
        if _COMMIT.fullmatch(commit):
            yield commit, f"the record of its download, {path.name}"


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_METADATA_BYTES).split(b"\n", 1)[0].decode("ascii", "replace").strip()
    except OSError:
        return ""
