"""The layout of the packages: what the script says of made-up graphs, and that the product has no knot."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.documents import ARCHITECTURE, REPOSITORY, quoted, section, table
from tests.folder_graph import described, folders_of, layout_of

MOST_LOOSE_FILES = 2
FORMER_NAMES = {"note_death.py"}
"""Kept for one release."""
MOST_TO_READ = 20


class TestFolderGraph:
    def test_floors(self) -> None:
        """A folder is above all that it imports, by way of others too."""
        layout = layout_of({"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": {"c"}})
        assert layout.floors == ({"c"}, {"b", "d"}, {"a"})
        assert layout.knots == ()

    def test_a_circle_is_a_knot(self) -> None:
        """Its folders are on one floor, what imports them above it, and what it imports below."""
        layout = layout_of({"roof": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"a", "ground"}, "ground": set()})
        assert layout.knots == ({"a", "b", "c"},)
        assert layout.floors == ({"ground"}, {"a", "b", "c"}, {"roof"})

    def test_two_circles_are_two_knots(self) -> None:
        """One circle that imports another is a knot of its own, above it."""
        layout = layout_of({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c", "a"}})
        assert layout.knots == ({"a", "b"}, {"c", "d"})
        assert layout.floors == ({"a", "b"}, {"c", "d"})

    def test_it_is_told(self) -> None:
        """Floors from the roof down, and every knot by name."""
        told = described("p", layout_of({"p.a": {"p.b"}, "p.b": {"p.a"}, "p.c": {"p.a"}}))
        assert told.splitlines()[:4] == ["p: 2 floors, 1 knots", "floors", "  2  c", "  1  a, b"]
        assert told.splitlines()[-1] == "  2: a, b"


@pytest.mark.parametrize("package", ["schemas", "models", "operators", "streams"])
def test_no_knot(package: str) -> None:
    """No folder imports another that imports it, be it by way of others."""
    assert layout_of(folders_of(package)).knots == ()


def test_few_loose_files() -> None:
    """Streams are folders; in none is only the record, and the walk without Kafka, which uses most of them."""
    loose = {path.name for path in (REPOSITORY / "streams").glob("*.py")} - {"__init__.py", *FORMER_NAMES}
    assert len(loose) <= MOST_LOOSE_FILES, loose


class TestArchitecture:
    def test_the_walk_goes_through_all_folders(self) -> None:
        """Each folder is in one heading of the walk."""
        headings = re.findall(r"^\*\*[^*]+:\*\*(.*)$", section(ARCHITECTURE, "The walk of one upload"), re.MULTILINE)
        named = [word for heading in headings for word in quoted(heading.partition(". ")[0])]
        folders = {path.parent.name for path in (REPOSITORY / "streams").glob("*/__init__.py")}
        assert set(named) == folders

    def test_the_reading_list_is_short(self) -> None:
        """A newcomer reads at most twenty files, and they exist."""
        listed = re.findall(r"^\d+\. `([^`]+)`$", section(ARCHITECTURE, "Reading list"), re.MULTILINE)
        assert 0 < len(listed) <= MOST_TO_READ
        assert [path for path in listed if not (REPOSITORY / path).is_file()] == []

    def test_the_floors_are_those_of_the_contract(self) -> None:
        """The table has the rows that import-linter enforces."""
        contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        (contract,) = (contract for contract in contracts if contract.get("containers") == ["streams"])
        enforced = [set(layer.split(" | ")) for layer in contract["layers"]]
        assert [
            set(re.findall(r"\w+", row[0])) for row in table(section(ARCHITECTURE, "Folders of streams"))
        ] == enforced
        assert contract["exhaustive"] is True
