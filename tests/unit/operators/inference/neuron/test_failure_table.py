"""Each way in which the vendor's compiler and runtime are known to fail is tested over the stand-in."""

from __future__ import annotations

import re

import pytest

from tests.documents import DOCS, REPOSITORY, table

HERE = "tests/unit/operators/inference/neuron/"
TESTED = {
    "core exclusivity": (
        f"{HERE}test_standin.py::TestCores::test_belong_to_another_process",
        f"{HERE}test_neuron_backend.py::TestStart::test_cores_of_another_process",
    ),
    "no driver": (f"{HERE}test_neuron_backend.py::TestStart::test_no_driver",),
    "shapes and dtypes": (
        f"{HERE}test_standin.py::TestPrograms::test_take_one_shape_and_dtype",
        f"{HERE}test_standin.py::TestPrograms::test_whole_numbers_are_narrow",
    ),
    "the compiler fails": (
        f"{HERE}test_neuron_backend.py::TestCompiling::test_the_compiler_fails",
        f"{HERE}test_standin.py::TestPrograms::test_no_complex_numbers",
    ),
    "the compiler crashes, or does not end": (
        "tests/unit/ops/test_models_compile.py::test_a_compiler_that_crashes_or_does_not_end",
        f"{HERE}test_limited_child.py::test_says_how_it_ended",
        f"{HERE}test_limited_child.py::test_time_limit_ends_what_it_started",
    ),
    "the compiler takes too much memory": (f"{HERE}test_limited_child.py::test_memory_limit",),
    "a number that is not finite": (
        f"{HERE}test_neuron_backend.py::TestFailures::test_nan_fails_its_row_alone",
        f"{HERE}test_neuron_backend.py::TestFailures::test_a_batch_that_is_at_fault",
        f"{HERE}test_neuron_backend.py::TestAdmission::test_padding_is_part_of_the_trial",
    ),
    "an index outside of a table": (f"{HERE}test_neuron_backend.py::TestFailures::test_an_index_outside_of_the_table",),
    "no memory": (
        f"{HERE}test_neuron_backend.py::TestAdmission::test_no_memory",
        f"{HERE}test_neuron_backend.py::TestAdmission::test_no_program_fits",
        f"{HERE}test_neuron_backend.py::TestFailures::test_no_room_now",
    ),
    "timeout, busy core": (f"{HERE}test_neuron_backend.py::TestFailures::test_a_call_that_fails_and_fails_again",),
    "broken hardware": (f"{HERE}test_neuron_backend.py::TestFailures::test_a_lost_core",),
    "numerics": (
        f"{HERE}test_standin.py::TestPrograms::test_operands_of_products_are_rounded",
        f"{HERE}test_standin.py::TestPrograms::test_a_row_of_nothing_but_padding",
    ),
    "loads": (
        f"{HERE}test_standin.py::TestPrograms::test_each_load_takes_memory",
        f"{HERE}test_standin.py::TestPrograms::test_archives_need_the_package",
        f"{HERE}test_standin.py::TestCores::test_round_robin_without_a_context",
    ),
    "silent wrong answers": (
        f"{HERE}test_neuron_backend.py::TestAdmission::test_a_silently_wrong_bucket",
        f"{HERE}test_neuron_backend.py::TestAdmission::test_wrong_at_every_size",
    ),
}
"""By failure: the tests that show its text or status, and what becomes of it."""
STATUSES = {
    "test_no_program_fits": {4, 9, 11},
    "test_a_batch_that_is_at_fault": {1002, 1003, 1006},
    "test_a_call_that_fails_and_fails_again": {5, 1004, 1005},
    "test_a_lost_core": {6, 13, 14, 101, *range(1200, 1206)},
}
"""That the tests of the backend plan; what each of them leads to is in the page on devices."""


@pytest.mark.parametrize("failure", TESTED)
def test_has_tests(failure: str) -> None:
    """They are where this table says."""
    for name in TESTED[failure]:
        file, *_, test = name.split("::")
        assert re.search(rf"def {test}\(", (REPOSITORY / file).read_text()), name


def test_documented_statuses_are_tested() -> None:
    """Every status in the table of failures of the page."""
    section = DOCS["devices.md"].partition("\n## Inferentia2\n")[2].partition("### Failures")[2].partition("\n## ")[0]
    rows = "\n".join(row[0] for row in table(section))
    listed = {int(number) for number in re.findall(r"\d+", rows.replace("1200 to 1205", ""))} | set(range(1200, 1206))
    assert listed == set().union(*STATUSES.values())


@pytest.mark.parametrize("test", STATUSES)
def test_statuses_are_planned(test: str) -> None:
    """By the marks of the tests themselves."""
    from tests.unit.operators.inference.neuron import test_neuron_backend as tests

    found = [getattr(each, test) for each in vars(tests).values() if isinstance(each, type) and hasattr(each, test)]
    (mark,) = [mark for mark in found[0].pytestmark if mark.name == "parametrize"]
    assert STATUSES[test] <= set(mark.args[1])
