"""Where the other competitors are installed: in an environment of their own, because PyTriton wants an older NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ops
from ops.bench.inference.competitor_names import PACKAGES

_PROBE: Final = """
import json, sys, sysconfig
from importlib import metadata
found = {}
for name, package in json.loads(sys.argv[1]).items():
    try:
        found[name] = metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps({"found": found, "library": sysconfig.get_config_var("LIBDIR"), "version": sys.version_info[:2]}))
"""


@dataclass(frozen=True, slots=True)
class CompetitorEnvironment:
    """An interpreter, and the competitors that it finds."""

    python: str
    versions: Mapping[str, str]
    """By competitor."""
    library_folder: str
    """Folder of the interpreter's shared library, which Triton's Python loads."""

    def variables(self, folder: Path) -> dict[str, str]:
        """Return environment variables with which its processes also find this product and its packages, last.

        Args:
            folder: an empty one, which stays as long as the processes.
        """
        paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(Path(ops.__file__).parent.parent)]
        (folder / "sitecustomize.py").write_text(f"import sys\nsys.path += {paths!r}\n", encoding="utf-8")
        libraries = [self.library_folder, os.environ.get("LD_LIBRARY_PATH", "")]
        return {"PYTHONPATH": str(folder), "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}


def find_competitors(folder: Path | None) -> CompetitorEnvironment:
    """Return which competitors are installed.

    Args:
        folder: a virtual environment; None: the product's own.

    Raises:
        ValueError: there is no interpreter, or one of another version, which cannot import this product's packages.
    """
    python = sys.executable if folder is None else str(folder / "bin" / "python")
    try:
        asked = subprocess.run(
            [python, "-c", _PROBE, json.dumps(PACKAGES)], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"--competitors must be a virtual environment, {folder} is not: {error}") from error
    answer = json.loads(asked.stdout)
    if tuple(answer["version"]) != sys.version_info[:2]:
        ours = ".".join(map(str, sys.version_info[:2]))
        raise ValueError(f"--competitors must be an environment of Python {ours}, {folder} has {answer['version']}")
    return CompetitorEnvironment(python, answer["found"], answer["library"] or "")
