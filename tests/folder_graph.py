"""Which folder of a package imports which: `python -m tests.folder_graph [PACKAGE...]` prints floors and knots.

A floor is above all that its folders import. A knot is a set of folders that import each other in a circle, be it by
way of others. import-linter forbids knots (see pyproject.toml); this prints what there is.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass

from grimp import build_graph

from tests.packages import PACKAGES

FolderGraph = Mapping[str, Set[str]]
"""What each folder, or file that is in none, imports of its siblings."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a package and how they lie above each other."""

    imports: FolderGraph
    knots: tuple[frozenset[str], ...]
    floors: tuple[frozenset[str], ...]
    """From the ground up; the folders of a knot are on one floor."""


def folders_of(package: str) -> FolderGraph:
    """The graph of a package that can be imported from here."""
    graph = build_graph(package)
    children = graph.find_children(package)
    for child in children:
        graph.squash_module(child)
    return {child: graph.find_modules_directly_imported_by(child) & children - {child} for child in children}


def layout_of(imports: FolderGraph) -> Layout:
    """Find the knots and floors of a graph."""
    reached = {folder: _reached_from(folder, imports) for folder in imports}
    together = {folder: frozenset(_in_a_circle_with(folder, reached)) for folder in imports}
    floor: dict[str, int] = {}
    for folder in sorted(imports, key=lambda folder: len(reached[folder] | {folder})):
        below = reached[folder] - together[folder]
        floor[folder] = max((floor[other] + 1 for other in below), default=0)
    return Layout(
        imports,
        tuple(sorted({knot for knot in together.values() if len(knot) > 1}, key=sorted)),
        tuple(
            frozenset(folder for folder in floor if floor[folder] == number) for number in sorted(set(floor.values()))
        ),
    )


def described(package: str, layout: Layout) -> str:
    """Floors from the roof down, then each folder's imports, then knots."""

    def names(folders: Set[str]) -> str:
        return ", ".join(sorted(folder.removeprefix(f"{package}.") for folder in folders)) or "nothing"

    floors = [f"  {number}  {names(floor)}" for number, floor in reversed(list(enumerate(layout.floors, start=1)))]
    imports = [f"  {names({folder})}: {names(layout.imports[folder])}" for folder in sorted(layout.imports)]
    knots = [f"  {len(knot)}: {names(knot)}" for knot in layout.knots] or ["  none"]
    heading = f"{package}: {len(layout.floors)} floors, {len(layout.knots)} knots"
    return "\n".join([heading, "floors", *floors, "imports", *imports, "knots", *knots])


def _reached_from(folder: str, imports: FolderGraph) -> set[str]:
    reached: set[str] = set()
    waiting = set(imports[folder])
    while waiting:
        other = waiting.pop()
        reached.add(other)
        waiting |= imports[other] - reached
    return reached


def _in_a_circle_with(folder: str, reached: Mapping[str, Set[str]]) -> set[str]:
    return {folder} | {other for other in reached[folder] if folder in reached[other]}


if __name__ == "__main__":
    for name in sys.argv[1:] or PACKAGES:
        sys.stdout.write(described(name, layout_of(folders_of(name))) + "\n\n")
