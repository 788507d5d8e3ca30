"""Files, classes, settings, metrics, topics and headings are named by the field's words, each class once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from ops.metrics_document import metric_entries
from schemas.topics import TOPICS
from streams.config.settings import Settings
from tests.documents import REPOSITORY
from tests.packages import modules_of
from tests.unit.retired_words import EXEMPT, PREFIXED, RETIRED

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z]|\b|_)|[A-Z]?[a-z]+|\d+")


def words_of(name: str) -> list[str]:
    """The words of an identifier, a path or a heading, in lower case."""
    return [word.lower() for word in _PART.findall(name)]


def retired_in(name: str) -> list[str]:
    """Retired words of a name; one that stands in a pair of the field, such as dead letter, is none."""
    words = words_of(name)
    pairs = list(zip(["", *words], words, strict=False))
    following = [*words[1:], ""]
    return [
        word
        for (before, word), after in zip(pairs, following, strict=True)
        if word in RETIRED and (before, word) not in PREFIXED and (word, after) not in PREFIXED
    ]


def modules() -> list[str]:
    """Every module of the product, by its path."""
    return sorted(str(path.relative_to(REPOSITORY)) for path in modules_of())


def files_of_tests() -> list[str]:
    """Every file of the tests, by its path."""
    return sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "tests").rglob("*.py"))


def classes() -> Iterator[tuple[str, str]]:
    """Each public class of the product, with its module."""
    for module in modules():
        for node in ast.parse((REPOSITORY / module).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, module


def headings() -> Iterator[str]:
    """Headings of the documents, without those of the changelog, which names what was."""
    pages = [*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / f"{name}.md" for name in ("README", "ARCHITECTURE"))]
    for page in sorted(pages):
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        yield from re.findall(r"^#+ (.*)$", text, re.MULTILINE)


NAMES = {
    "modules": modules,
    "test files": files_of_tests,
    "classes": lambda: [name for name, _ in classes()],
    "settings": lambda: list(Settings.__struct_fields__),
    "metrics": lambda: [word for entry in metric_entries() for word in (entry.name, *entry.labels)],
    "topics": lambda: [topic.name for topic in TOPICS],
    "headings": lambda: list(headings()),
}


@pytest.mark.parametrize("kind", NAMES)
def test_no_name_uses_a_retired_word(kind: str) -> None:
    """The message gives the field's word."""
    names = NAMES[kind]()
    assert names
    used = {name: {word: RETIRED[word] for word in retired_in(name)} for name in names if name not in EXEMPT}
    assert {name: instead for name, instead in used.items() if instead} == {}


def test_exemptions_are_needed_and_have_reasons() -> None:
    """An exemption of a name that is gone, or that uses no retired word, is taken out."""
    known = {name for names in NAMES.values() for name in names()}
    assert [name for name, reason in EXEMPT.items() if not reason or name not in known or not retired_in(name)] == []


def test_public_classes_have_names_of_their_own() -> None:
    """A search for a class finds one."""
    places = list(classes())
    twice = {name for name, number in Counter(name for name, _ in places).items() if number > 1}
    assert {name: [module for each, module in places if each == name] for name in sorted(twice)} == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("max_parked", ["parked"]),
        ("ParkedEvents", ["parked"]),
        ("streams/delivery/letter_index.py", ["letter"]),
        ("DeadLetterIndex", []),
        ("video.dead-letter", []),
        ("VidsignalStoreAway", ["away"]),
        ("always", []),
    ],
)
def test_words_are_found_as_parts_of_names(name: str, found: list[str]) -> None:
    """Of whatever spelling; a word within another is none."""
    assert retired_in(name) == found
