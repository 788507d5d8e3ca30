"""Names that the tree has: of its Python code, and whatever stands in its other files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.settings import Settings
from tests.documents import REPOSITORY, quoted
from tests.packages import PACKAGES, modules_of

_OTHER_FILES: Final = ("*.lua", "*.yaml", "*.yml", "*.toml", "*.json", "*.sh", "*.lock", "Makefile", "Dockerfile")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_TELLING: Final = re.compile(r"_|^[A-Z]")
"""Of a part of a name: a plain small word may mean anything, so it is not looked up."""


def names_in(text: str) -> set[str]:
    """Parts of the names that a document puts in backticks: with an underscore, or a capital letter in front."""
    dotted = [quote for quote in quoted(text) if _NAME.fullmatch(quote)]
    return {part for name in dotted for part in name.removesuffix("()").split(".") if _TELLING.search(part)}


@cache
def known_names() -> frozenset[str]:
    """All that a document may name."""
    product = (name for path in modules_of() for name in _used(path))
    tests = (name for path in modules_of("tests") for name in _defined(path))
    return frozenset({*product, *tests, *_in_other_files(), *_settings()})


def _used(path: Path) -> Iterator[str]:
    """Every name and every word of a text in a module, but for what docstrings say."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield from _WORD.findall(node.value)
        yield from _own_names(node)


def _own_names(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
            return name.split(".")
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
    return ()


def _defined(path: Path) -> Iterator[str]:
    """Names that a module defines, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _in_other_files() -> Iterator[str]:
    folders = (REPOSITORY / name for name in PACKAGES)
    paths = [path for folder in folders for pattern in _OTHER_FILES for path in folder.rglob(pattern)]
    paths += [path for pattern in _OTHER_FILES for path in REPOSITORY.glob(pattern)]
    for path in paths:
        yield from _WORD.findall(path.read_text(encoding="utf-8"))


def _settings() -> Iterator[str]:
    for name in (*Settings.__struct_fields__, *RENAMED_SETTINGS):
        yield f"VIDSIGNAL_{name.upper()}"
        yield f"VIDSIGNAL_{name.upper()}_FILE"
