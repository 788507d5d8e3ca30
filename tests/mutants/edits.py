"""The edits that make mutants of Python functions and of Lua scripts: one small fault each.

Python is edited as a syntax tree, inside the bodies of functions. Left alone are asserts, annotations, decorators and
texts: what a message says is prose, and defaults of settings are tuning values.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault."""

    path: str
    """Of the source, from the repository's root."""
    place: str
    """Qualified name of the outermost function; of Lua the number of the line."""
    first_line: int
    last_line: int
    """Lines of the statement; a test that runs none of them cannot notice."""
    change: str
    """What was written, ` -> `, and what is written instead; unique in its place."""
    render: Callable[[], str] = field(compare=False, repr=False)
    """Writes the whole source with the fault; asked for by one process only, as it takes longer than all the rest."""

    @property
    def name(self) -> str:
        """As results and the list of equivalents give it."""
        return f"{self.place}: {self.change}"


def mutants_of(path: str, text: str) -> list[Mutant]:
    """All mutants of a source, in the order of its lines."""
    found = _of_lua(path, text) if path.endswith(".lua") else _of_python(path, text)
    return _numbered(sorted(found, key=lambda mutant: (mutant.first_line, mutant.name)))


def _numbered(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Equal changes of one function get numbers, so that names are unique."""
    met: Counter[str] = Counter()
    named = []
    for mutant in mutants:
        met[mutant.name] += 1
        number = met[mutant.name]
        named.append(replace(mutant, change=f"{mutant.change} #{number}") if number > 1 else mutant)
    return named


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a node hangs in the tree."""

    owner: ast.AST
    field: str
    index: int | None

    def put(self, node: Any) -> None:
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node


def _of_python(path: str, text: str) -> Iterator[Mutant]:
    tree = ast.parse(text)
    for name, function in _functions(tree, ""):
        for statement, slot, node in _nodes(function.body, function):
            for new in _replacements(node):
                first, last = _header(statement)
                render = partial(_rendered, tree, slot, node, new)
                yield Mutant(path, name, first, last, f"{_short(node)} -> {_short(new)}", render)


def _rendered(tree: ast.AST, slot: _Slot, node: ast.AST, new: ast.AST) -> str:
    slot.put(ast.copy_location(new, node))
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    finally:
        slot.put(node)


def _functions(owner: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    """The outermost functions of a module and of its classes, with their qualified names."""
    for child in ast.iter_child_nodes(owner):
        if isinstance(child, Function):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _nodes(body: list[ast.stmt], owner: ast.AST) -> Iterator[tuple[ast.stmt, _Slot, ast.AST]]:
    """Every node below a block that may be edited, with the statement that it belongs to."""
    for index, statement in enumerate(body):
        if _is_left_alone(statement):
            continue
        yield statement, _Slot(owner, _block(owner, body), index), statement
        yield from _inside(statement, statement)


def _block(owner: ast.AST, body: list[ast.stmt]) -> str:
    return next(name for name, value in ast.iter_fields(owner) if value is body)


def _inside(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[ast.stmt, _Slot, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if name in _NEVER_EDITED or (isinstance(node, ast.Raise) and name in {"exc", "cause"}):
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _nodes(value, node)
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _is_text(child):
                if isinstance(child, ast.expr):
                    yield statement, _Slot(node, name, index), child
                yield from _inside(child, statement)


_NEVER_EDITED = frozenset({"annotation", "returns", "decorator_list", "format_spec", "pattern", "ctx"})


def _is_left_alone(statement: ast.stmt) -> bool:
    is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_docstring or isinstance(statement, ast.Assert)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and not _WORD.match(node.value)


_WORD = re.compile(r"^[\w.:#/-]{1,40}\Z")
"""Text that code compares, as a kind or a key, and no prose."""


def _header(statement: ast.stmt) -> tuple[int, int]:
    """First and last line of what runs with a statement, without the blocks below it."""
    blocks = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not blocks:
        return statement.lineno, statement.end_lineno or statement.lineno
    first = blocks[0].pattern if isinstance(blocks[0], ast.match_case) else blocks[0]
    return statement.lineno, max(statement.lineno, first.lineno - 1)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


_LONGEST_SHOWN = 100

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "sorted": "list"}


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            yield from node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
        case ast.Constant():
            yield from _other_constants(node.value)
        case ast.Call():
            yield from _other_calls(node)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.stmt():
            yield from _other_statements(node)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            yield ast.Compare(node.left, [*node.ops[:index], other(), *node.ops[index + 1 :]], node.comparators)


def _other_constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f"{value}-mutated")


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in _CALLS:
        return
    if called == "sorted":
        yield ast.Call(ast.Name("list", ast.Load()), node.args, [])
        return
    other = deepcopy(node.func)
    setattr(other, "attr" if isinstance(other, ast.Attribute) else "id", _CALLS[called])
    yield ast.Call(other, node.args, node.keywords)


def _other_statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.If():
            yield ast.If(ast.Constant(value=False), node.body, node.orelse)
            yield ast.If(ast.Constant(value=True), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Delete() | ast.Raise() | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
    if isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)


_LUA: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(?<![~<>=])==", ("~=",)),
    (r"~=", ("==",)),
    (r"<=", ("<", ">")),
    (r">=", (">", "<")),
    (r"<(?!=)", ("<=", ">=")),
    (r"(?<![-~])>(?!=)", (">=", "<=")),
    (r"\band\b", ("or",)),
    (r"\bor\b", ("and",)),
    (r"\bnot ", ("",)),
    (r"\btrue\b", ("false",)),
    (r"\bfalse\b", ("true",)),
    (r"(?<![\w.'\[])\b\d+\b(?!\])", ("7",)),
    (r"'HSETNX'", ("'HSET'",)),
    (r"'XX'", ("'NX'",)),
    (r"KEYS\[1\]", ("KEYS[2]",)),
    (r"(?<=, )ARGV\[\d+\](?=\))", ("'1'",)),
    (r"\b(?:el)?if (.*) then", ("if false then", "if true then")),
    (r"^\s*redis\.call\(.*\)$", ("",)),
    (r"^\s*\w+(?:, \w+)* = .*$", ("",)),
    (r"\.\.", (".. 'x' ..",)),
)
"""Patterns of Lua, and what stands in the place of each match."""


def _of_lua(path: str, text: str) -> Iterator[Mutant]:
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("--"):
            continue
        code = line.partition("--")[0]
        for pattern, others in _LUA:
            for match in re.finditer(pattern, code):
                for other in others:
                    edited = code[: match.start()] + _branch(match.group(), other) + code[match.end() :]
                    mutated = "\n".join([*lines[: number - 1], edited, *lines[number:]])
                    if edited != code:
                        change = f"{code.strip()} -> {edited.strip()}"
                        yield Mutant(path, f"line {number}", number, number, change, partial(str, mutated))


def _branch(found: str, other: str) -> str:
    return other.replace("if ", "elseif ", 1) if found.startswith("elseif ") and other.startswith("if ") else other
