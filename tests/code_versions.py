"""The code that each version of results stands for, noted next to it: `python -m tests.code_versions` after a change.

A claim answers for every later analysis of the same inputs, so an agent whose results may differ needs another
`code_version`, and a decode that may differ another `PLAN_VERSION`. What is compared is the code and not its results:
results of sample clips differ between processors in their low bits, and most changes act on inputs that no sample
clip has. What cannot change a result, such as another name, is noted with `--same-results`; so is a further change
under a version that no release has.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from operators.media import decode_request
from operators.media.plan import PLAN_VERSION
from streams.analysis.agents.agent_registry import AGENTS
from tests.documents import REPOSITORY

NOTED: Final = REPOSITORY / "operators" / "code_versions.json"
_AGENTS: Final = ("operators", "streams.analysis.agents")
_MEDIA: Final = "operators.media"
_ELSEWHERE: Final = (_MEDIA, "operators.inference", "streams.analysis.agents.agent_registry")
"""Has a version of its own, or says when work runs and not what comes of it."""
_NO_CODE: Final = frozenset({"annotation", "returns", "ctx", "kind", "type_comment", "type_params"})


@dataclass(frozen=True)
class Noted:
    """A version, and a digest of the code that it stands for."""

    version: int
    code: str


def present() -> dict[str, Noted]:
    """What the tree has now: each agent, and the decode that they share."""
    found = {
        modality: Noted(agent.code_version, digest(_closure(agent.analyse.__module__, _AGENTS, _ELSEWHERE)))
        for modality, agent in AGENTS.items()
    }
    return {**found, "media": Noted(PLAN_VERSION, digest(_closure(decode_request.__name__, (_MEDIA,), ())))}


def noted() -> dict[str, Noted]:
    """What was noted last."""
    return {name: Noted(**entry) for name, entry in json.loads(NOTED.read_text(encoding="utf-8")).items()}


def complaints(before: dict[str, Noted], now: dict[str, Noted]) -> list[str]:
    """One line for each version that stands for other code than was noted."""
    return [
        f"{name}: its code changed and its version is still {now[name].version}; raise "
        f"{'PLAN_VERSION of the sampling plan' if name == 'media' else 'code_version in the catalogue of agents'}, "
        "then run `python -m tests.code_versions`, or run it with --same-results where no result can change, or nobody "
        "runs that version yet"
        for name in now
        if name in before and now[name].code != before[name].code and now[name].version <= before[name].version
    ]


def digest(sources: list[str]) -> str:
    """Of the definitions in some modules: the same wherever they stand, whatever comments and docstrings say."""
    shapes = sorted(repr(shape) for source in sources for shape in _definitions(source))
    return hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16]


def _definitions(source: str) -> Iterator[Any]:
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not _is_text(statement):
            yield _shape(statement)


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _shape(node: Any) -> Any:
    """Alike for all versions of Python, which differ in how they print a tree."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in _NO_CODE]
        return (type(node).__name__, *((name, _shape(value)) for name, value in fields if value not in (None, [])))
    if isinstance(node, list):
        return tuple(_shape(each) for each in node if not _is_text(each))
    return repr(node)


def _closure(root: str, within: tuple[str, ...], without: tuple[str, ...]) -> list[str]:
    """Source of a module and of all that it imports, directly or not, below some packages."""
    found: dict[str, str] = {}
    left = [root]
    while left:
        name = left.pop()
        path = _path_of(name)
        if name in found or path is None or not _is_below(name, within) or _is_below(name, without):
            continue
        found[name] = path.read_text(encoding="utf-8")
        left += _imports(found[name])
    return list(found.values())


def _is_below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _path_of(module: str) -> Path | None:
    path = REPOSITORY.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def _imports(source: str) -> list[str]:
    froms = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    return [name for node in froms for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names))]


def main(arguments: list[str]) -> int:
    """Note what the tree has, unless a version should have been raised."""
    before, now = noted(), present()
    wrong = [] if "--same-results" in arguments else complaints(before, now)
    if wrong:
        sys.stderr.write("".join(f"{line}\n" for line in wrong))
        return 1
    text = json.dumps({name: asdict(entry) for name, entry in now.items()}, indent=2)
    NOTED.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
