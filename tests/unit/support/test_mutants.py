"""The mutation run: what its edits are, and that a fault which a test notices is told from one that none does."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import Outcome, table
from tests.mutants.edits import mutants_of
from tests.mutants.equivalents import EQUIVALENTS
from tests.mutants.targets import REPOSITORY, TARGETS
from tests.mutants.warm_session import Result, read_mutants

SOURCES = [source for target in TARGETS.values() for source in target.sources]


def changes(body: str) -> set[str]:
    """What is changed in a function of one argument."""
    text = "def subject(a, b):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return {mutant.change for mutant in mutants_of("subject.py", text)}


class TestEdits:
    @pytest.mark.parametrize(
        ("body", "change"),
        [
            ("return a < b", "a < b -> a <= b"),
            ("return a < b", "a < b -> a >= b"),
            ("return a is None", "a is None -> a is not None"),
            ("return a and b", "a and b -> a or b"),
            ("return a and b", "a and b -> b"),
            ("return not a", "not a -> a"),
            ("return a + 1", "a + 1 -> a - 1"),
            ("return a + 1", "1 -> 2"),
            ("return min(a, b)", "min(a, b) -> max(a, b)"),
            ("return 'kind'", "'kind' -> 'kind-mutated'"),
            ("return a", "return a -> return None"),
            ("a.clear()", "a.clear() -> pass"),
            ("a += 1", "a += 1 -> a -= 1"),
            ("a.b = 1", "a.b = 1 -> pass"),
            ("return a if b else 0", "a if b else 0 -> a"),
            ("if a:\n    b()", "if a: b() -> if False: b()"),
            ("if a:\n    raise ValueError('no')", "raise ValueError('no') -> pass"),
            ("for c in a:\n    continue", "continue -> break"),
        ],
    )
    def test_one_small_fault(self, body: str, change: str) -> None:
        """Of a comparison, a condition, a number, a result, a statement."""
        assert change in changes(body)

    @pytest.mark.parametrize(
        "body", ["assert a < b", "'''Return a < b.'''", "a: int", "raise ValueError(f'{a} is below {b + 1}')"]
    )
    def test_prose_and_asserts_are_left_alone(self, body: str) -> None:
        """A message is no behaviour, and an assert never acts."""
        assert not {change for change in changes(body) if not change.endswith("-> pass")}

    def test_methods_are_named_with_their_class(self) -> None:
        """So are those of a class inside another; what stands in no function is left alone."""
        text = "LIMIT = 3\nclass A:\n    size = 4\n    class B:\n        def c(self):\n            return 5\n"
        assert {mutant.name for mutant in mutants_of("a.py", text)} == {"A.B.c: 5 -> 6"}

    def test_a_fault_is_the_only_change(self) -> None:
        """The rest of the source stays as it is."""
        text = "def a(b):\n    c = b + 1\n    return c < 2\n"
        for mutant in mutants_of("a.py", text):
            pairs = zip(ast.unparse(ast.parse(text)).splitlines(), mutant.render().splitlines(), strict=True)
            assert sum(before != after for before, after in pairs) == 1

    def test_scripts(self) -> None:
        """Lua is edited by line, without its comments."""
        text = "-- a < b\nif a >= b then\n  redis.call('DEL', KEYS[1])\nend\n"
        for mutant in mutants_of("a.lua", text):
            pairs = zip(text.splitlines(), mutant.render().splitlines(), strict=True)
            assert sum(before != after for before, after in pairs) == 1
        found = {mutant.name for mutant in mutants_of("a.lua", text)}
        assert {
            "line 2: if a >= b then -> if a > b then",
            "line 2: if a >= b then -> if false then",
            "line 3: redis.call('DEL', KEYS[1]) -> ",
        } <= found
        assert not any(name.startswith("line 1") for name in found)


class TestTargets:
    @pytest.mark.parametrize("source", SOURCES)
    def test_every_source_has_mutants_with_names_of_their_own(self, source: str) -> None:
        """A result is found again by its name."""
        names = [mutant.name for mutant in read_mutants(source)]
        assert names
        assert len(names) == len(set(names))

    def test_their_tests_exist(self) -> None:
        """As files of this repository."""
        named = {test.partition("::")[0] for target in TARGETS.values() for test in target.tests}
        assert [test for test in named if not (REPOSITORY / test).is_file()] == []

    def test_the_list_of_equivalents_is_of_today(self) -> None:
        """Each one is still a mutant, and has a reason; a changed source is judged again."""
        for source, reasons in EQUIVALENTS.items():
            assert set(reasons) - {mutant.name for mutant in read_mutants(source)} == set(), source
            assert all(len(reason.split()) >= 3 for reason in reasons.values())


SOURCE = """
class Till:
    def __init__(self):
        self.sum = 0

    def pay(self, price):
        self.sum += price
        return price > 9

    def empty(self):
        self.sum = 0
        while False:
            pass
"""
TEST = """
from made_up import Till

def test_pay():
    till = Till()
    assert till.pay(9) in (True, False)
    assert till.sum == 9
"""


class TestRun:
    def test_what_tests_notice_is_killed_and_what_they_do_not_survives(self, tmp_path: Path) -> None:
        """Of a source whose test looks at a sum and at nothing else; what it never runs is uncovered."""
        (tmp_path / "made_up.py").write_text(SOURCE)
        (tmp_path / "test_made_up.py").write_text(TEST)
        program = (
            "import sys\n"
            "from tests.mutants import warm_session\n"
            f"sys.path.insert(0, {str(tmp_path)!r})\n"
            f"sources, tests = ({str(tmp_path / 'made_up.py')!r},), ({str(tmp_path / 'test_made_up.py')!r},)\n"
            "warm_session.TARGETS['made up'] = warm_session.Target(sources, tests)\n"
            "sys.argv[1:] = ['made up', '1', '0']\n"
            "sys.exit(warm_session.main())\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        results = [Result(**json.loads(line)) for line in ended.stdout.splitlines() if line.startswith("{")]
        assert {result.name: result.ending for result in results} == {
            "Till.__init__: 0 -> 1": "killed",
            "Till.__init__: self.sum = 0 -> pass": "killed",
            "Till.pay: self.sum += price -> pass": "killed",
            "Till.pay: self.sum += price -> self.sum -= price": "killed",
            "Till.pay: price > 9 -> price >= 9": "survived",
            "Till.pay: price > 9 -> price <= 9": "survived",
            "Till.pay: 9 -> 10": "survived",
            "Till.pay: return price > 9 -> return None": "killed",
            "Till.empty: 0 -> 1": "uncovered",
            "Till.empty: self.sum = 0 -> pass": "uncovered",
            "Till.empty: False -> True": "uncovered",
        }

    def test_the_share_is_of_those_that_can_be_noticed(self) -> None:
        """An uncovered mutant is a survivor; an equivalent one is not counted."""
        source, names = next(iter(EQUIVALENTS.items()))
        equivalent = Result(source, 1, next(iter(names)), "survived", 0.1)
        outcome = Outcome(
            "all",
            (Result("a", 1, "x", "killed", 0.1), Result("a", 1, "y", "uncovered", 0.0), equivalent),
        )
        assert (outcome.killed, outcome.equivalent, len(outcome.survivors), outcome.killed_ratio) == (1, 1, 1, 0.5)
        assert table([outcome]).splitlines()[1].split() == ["all", "3", "1", "1", "1", "0.50"]
