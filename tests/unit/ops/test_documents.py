"""README, ARCHITECTURE and the reference pages are true: paths, commands, settings, topics, keys and labels."""

from __future__ import annotations

import re
import shlex
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
import typer
from typer.core import TyperGroup

from ops.bench.benchmark_registry import BENCHES
from ops.cli.main import app
from ops.cli.models import label_coverage
from schemas.labels import LABELS
from schemas.topics import TOPICS, Topic
from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.secret import Secret
from streams.config.settings import Settings
from streams.store.keys import Keys
from tests.documents import ARCHITECTURE, CONTRIBUTING, DOCS, README, REPOSITORY, code_blocks, quoted, section, table

DOCUMENTS = {"README.md": README, "ARCHITECTURE.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING}
MOST_LINES_OF_README = 110
MOST_TERMS = 60
SETTINGS_ROWS = {row[0]: row for row in table(section(DOCS["settings.md"], "All settings"))}
_DAY_SECONDS = 86_400
_OF_THE_MACHINE = {"VIDSIGNAL_TORCH_THREADS": "cores, at most 4", "VIDSIGNAL_DECODE_PROCESSES": "cores, at most 8"}
"""Defaults that differ from machine to machine, and their words."""
_PATH = re.compile(r"(?:(?:schemas|models|operators|streams|ops|tests|docs)(?:/[\w.-]+)+|[\w-]+\.(?:md|yml|toml))")
_COMMAND = re.compile(r"vidsignal [a-z].*")


def paths_in(text: str) -> set[str]:
    """Paths of the repository that a document names, in backticks or as links."""
    words = {word for quote in quoted(text) for word in quote.split() if _PATH.fullmatch(word)}
    return words | set(re.findall(r"\]\(([^)#]+)\)", text))


def commands_in(text: str) -> list[str]:
    """Every `vidsignal ...` of a document."""
    lines = [line.partition("  #")[0] for block in code_blocks(text, "sh") for line in block.splitlines()]
    return [line for line in (*quoted(text), *lines) if _COMMAND.fullmatch(line)]


def command_named(line: str) -> Any:
    """The command that a line calls; fails where there is none."""
    command: Any = typer.main.get_command(app)
    for word in shlex.split(line)[1:]:
        if not isinstance(command, TyperGroup) or word.startswith("-"):
            break
        assert word in command.commands, f"{line!r}: no {word!r} among {sorted(command.commands)}"
        command = command.commands[word]
    return command


def all_commands(command: Any, *names: str) -> list[str]:
    """Full names of everything that can be run."""
    if isinstance(command, TyperGroup):
        within = [name for word, inner in command.commands.items() for name in all_commands(inner, *names, word)]
        return [" ".join(names), *within] if command.invoke_without_command and len(names) > 1 else within
    return [" ".join(names)]


@pytest.mark.parametrize("document", DOCUMENTS)
class TestEveryDocument:
    def test_paths_exist(self, document: str) -> None:
        """Whatever file or folder is named is there; `vidsignal.toml` is the user's own."""
        named = paths_in(DOCUMENTS[document]) - {"vidsignal.toml"}
        assert named
        assert {name for name in named if not (REPOSITORY / name).exists()} == set()

    def test_commands_exist(self, document: str) -> None:
        """Whatever command is named can be run, with the options that are named."""
        for line in commands_in(DOCUMENTS[document]):
            options = {option for parameter in command_named(line).params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", line)) - {"--help"} <= options, line

    def test_speaks_of_no_machine(self, document: str) -> None:
        """No folder of some machine and no address of an index."""
        assert re.findall(r"https?://|/(?:root|home|tmp|work)/", DOCUMENTS[document]) == []


class TestCommands:
    def test_all_are_listed(self) -> None:
        """The table has every command of the command line, once, and no other."""
        called = [re.sub(r"[\[ ]*[A-Z].*", "", row[0]) for row in table(section(DOCS["commands.md"], "All commands"))]
        assert sorted(called) == sorted(all_commands(typer.main.get_command(app), "vidsignal"))

    def test_benchmarks_exist(self) -> None:
        """What is run as a benchmark is in the registry."""
        named = [
            line.split()[2]
            for text in (*DOCUMENTS.values(), *DOCS.values())
            for line in commands_in(text)
            if line.split()[1:2] == ["bench"]
        ]
        assert {name for name in named if name not in ("NAME", "--help")} <= set(BENCHES)


SETTINGS = {field.name: field for field in msgspec.structs.fields(Settings)}


class TestSettings:
    def test_all_are_listed(self) -> None:
        """One row a setting, in the order of the code."""
        assert list(SETTINGS_ROWS) == [f"VIDSIGNAL_{name.upper()}" for name in SETTINGS]

    @pytest.mark.parametrize("name", SETTINGS)
    def test_defaults(self, name: str) -> None:
        """The default is the code's."""
        variable = f"VIDSIGNAL_{name.upper()}"
        expected = _OF_THE_MACHINE.get(variable, spelled(SETTINGS[name].default))
        assert expected == SETTINGS_ROWS[variable][1]

    def test_renamed_are_listed(self) -> None:
        """One row for each former name that is still read, with the present one."""
        rows = [tuple(row[:2]) for row in table(section(DOCS["settings.md"], "Renamed settings"))]
        assert rows == [
            (f"VIDSIGNAL_{old.upper()}", f"VIDSIGNAL_{new.upper()}") for old, new in RENAMED_SETTINGS.items()
        ]

    @pytest.mark.parametrize("name", SETTINGS)
    def test_choices(self, name: str) -> None:
        """Where only some words are allowed, each is named."""
        annotation = SETTINGS[name].type
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        words = SETTINGS_ROWS[f"VIDSIGNAL_{name.upper()}"][2]
        assert [choice for choice in choices if f"`{choice}`" not in words] == []


def spelled(default: object) -> str:
    """A default as an environment variable would say it, `unset` and `empty` for nothing."""
    match default:
        case None:
            return "unset"
        case bool():
            return str(default).lower()
        case float():
            return f"{default:.10g}"
        case tuple():
            return ",".join(map(str, default)) or "empty"
        case Secret():
            return default.get_secret_value()
        case _:
            return str(default) or "empty"


class TestTopics:
    def test_table_is_the_contract(self) -> None:
        """Names, writers, retention and meaning are those of the code."""
        expected = [[topic.name, topic.written_by, kept(topic), topic.says] for topic in TOPICS]
        assert expected == table(section(DOCS["topics-and-keys.md"], "Topics"))


def kept(topic: Topic) -> str:
    """Retention in words."""
    return "compacted" if topic.retention_seconds is None else f"{topic.retention_seconds // _DAY_SECONDS} days"


class TestRedisKeys:
    def test_readers_keys(self) -> None:
        """The keys for readers are those of the code, and none is left out."""
        keys = Keys()
        named = [row[0].replace("<video_id>", "v") for row in table(section(DOCS["topics-and-keys.md"], "Redis keys"))]
        of_a_video = (keys.status, keys.verdict, keys.features, keys.embeddings)
        texts = f"`{keys.speech_text('v')}`, `{keys.picture_text('v')}`"
        expected = [*(key("v") for key in of_a_video), texts, keys.refusals("v"), keys.engagement("v")]
        assert named == [*expected, keys.spaces(), keys.space("<space>")]


class TestLabels:
    page = DOCS["model-coverage.md"]

    def test_covered(self) -> None:
        """The table has every label that a model produces, in the taxonomy's order, with that model."""
        expected = [[label, ", ".join(names)] for label, names in label_coverage().items() if names]
        assert expected == [row[:2] for row in table(section(self.page, "Labels"))]

    def test_uncovered(self) -> None:
        """Every other label is named as uncovered."""
        listed = section(self.page, "Uncovered labels")
        assert quoted(listed) == [label for label, names in label_coverage().items() if not names]

    def test_numbers(self) -> None:
        """The sums are right."""
        covered = sum(bool(names) for names in label_coverage().values())
        assert [len(LABELS), covered] == [int(number) for number in re.findall(r"\d+", self.page.splitlines()[2])]

    @pytest.mark.parametrize("text", [README, DOCS["known-limitations.md"], DOCS["trust-and-safety.md"]])
    def test_numbers_elsewhere(self, text: str) -> None:
        """Every page that warns of missing models names the same number of labels."""
        uncovered = sum(not names for names in label_coverage().values())
        assert f"{uncovered} of {len(LABELS)} labels have no model" in " ".join(text.split())


class TestReadme:
    def test_fits_on_two_screens(self) -> None:
        """The details are in the pages of `docs`."""
        assert len(README.splitlines()) <= MOST_LINES_OF_README

    def test_names_the_documentation(self) -> None:
        """Each page of a user's contract is linked."""
        pages = ("index.md", "producers.md", "recommender.md", "trust-and-safety.md", "deploy.md")
        assert {f"docs/{page}" for page in pages} <= paths_in(README)


class TestWalk:
    def test_each_step_names_its_file(self) -> None:
        """The walk of one upload is a numbered list without holes, and every step leads to code."""
        steps = re.findall(r"^(\d+)\. (.*)$", section(ARCHITECTURE, "The walk of one upload"), re.MULTILINE)
        assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
        assert [step for _, step in steps if not paths_in(step)] == []


class TestGlossary:
    rows = table(section(ARCHITECTURE, "Glossary"))

    def test_is_short_and_in_order(self) -> None:
        """One row a term, at most sixty, in alphabetical order."""
        terms = [row[0] for row in self.rows]
        assert 0 < len(terms) <= MOST_TERMS
        assert terms == sorted(set(terms))

    def test_every_term_has_a_meaning(self) -> None:
        """The third column is for words of the wire alone."""
        assert [row for row in self.rows if len(row) != 3 or not row[1]] == []
