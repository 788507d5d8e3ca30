"""Writes the generated contracts into `schemas/generated`: run `python -m ops.contracts` after changing a struct."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import schemas
from schemas.contracts import asyncapi, json_schemas

GENERATED = Path(schemas.__file__).parent / "generated"


def documents() -> dict[str, str]:
    """Return every generated file's text by its name."""
    files: dict[str, Any] = {f"{name}.json": schema for name, schema in json_schemas().items()}
    files["asyncapi.json"] = asyncapi()
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in files.items()}


def write(folder: Path = GENERATED) -> list[Path]:
    """Write all files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder / name for name in documents())


if __name__ == "__main__":
    for path in write():
        print(path)
