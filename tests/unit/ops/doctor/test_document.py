"""The page about the doctor says what there is."""

from __future__ import annotations

import re

from ops.doctor.check_registry import EXAMINATIONS
from streams.progress.states import MEANINGS
from tests.documents import REPOSITORY, table

PAGE = (REPOSITORY / "docs/doctor.md").read_text(encoding="utf-8")


def test_every_examination_has_a_row() -> None:
    """Names and order are those of the registry."""
    assert [row[0] for row in table(PAGE)] == [check.name for check in EXAMINATIONS]


def test_every_state_of_a_role_is_explained() -> None:
    """In the words of the code, in its order."""
    assert dict(re.findall(r"^- `([a-z-]+)`: (.+)$", PAGE, re.MULTILINE)) == MEANINGS


def test_chosen_examinations_exist() -> None:
    """What an example chooses can be chosen."""
    (names,) = re.findall(r"--only (\S+)", PAGE)
    assert set(names.split(",")) <= {check.name for check in EXAMINATIONS}
