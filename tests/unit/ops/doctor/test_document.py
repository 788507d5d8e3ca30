"""The page about the doctor says what there is."""

from __future__ import annotations

import re

from ops.doctor.catalogue import EXAMINATIONS
from tests.documents import REPOSITORY, table

PAGE = (REPOSITORY / "ops/docs/doctor.md").read_text(encoding="utf-8")


def test_every_examination_has_a_row() -> None:
    """Names and order are those of the catalogue."""
    assert [row[0] for row in table(PAGE)] == [examination.name for examination in EXAMINATIONS]


def test_chosen_examinations_exist() -> None:
    """What an example chooses can be chosen."""
    (names,) = re.findall(r"--only (\S+)", PAGE)
    assert set(names.split(",")) <= {examination.name for examination in EXAMINATIONS}
