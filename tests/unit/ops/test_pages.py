"""The pages of `docs` say what is true: links, files, commands, settings, fields, features and exit codes."""

from __future__ import annotations

import re

import msgspec
import pytest

from ops.cli.worker import worker
from schemas.engagement import EngagementEvent
from schemas.features import FEATURES
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.uploads import DeletionRequested, VideoUploaded
from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.retention import kept_topics
from streams.config.settings import Settings, read_settings
from streams.lifecycle.fatal_error import WorkerExit
from tests.command_lines import calls_in, require_known
from tests.documents import DOCS, REPOSITORY, code_blocks, quoted, section, table
from tests.packages import PACKAGES

PLACE = REPOSITORY / "docs"
NAVIGATION = [line for block in code_blocks(DOCS["index.md"], "{toctree}") for line in block.splitlines()]
FIELDS = {
    ("producers.md", "Fields of an upload"): VideoUploaded,
    ("producers.md", "Delete"): DeletionRequested,
    ("producers.md", "Engagement"): EngagementEvent,
    ("recommender.md", "Fields of a record"): RecommendationRecord,
    ("trust-and-safety.md", "Fields of a verdict"): Verdict,
}
_LINK = re.compile(r"\]\(([^)#]*)#?([^)]*)\)")
_FILE = re.compile(r"(?:schemas|models|operators|streams|ops|tests|docs)(?:/[\w.-]+)+")
_PAGE = re.compile(r"docs/([a-z-]+\.md)(?:#([a-z-]+))?")
_SETTING = re.compile(r"VIDSIGNAL_[A-Z0-9_]*[A-Z0-9]")
_NOT_SETTINGS = {"VIDSIGNAL_CONFIG", "VIDSIGNAL_SECRETS_DIR", "VIDSIGNAL_REQUIRE_KAFKA", "VIDSIGNAL_REQUIRE_CUDA"}


def anchors(text: str) -> set[str]:
    """What headings can be linked to by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS)
class TestEveryPage:
    def test_links_lead_somewhere(self, page: str) -> None:
        """To a file that is there, and to a heading that is in it."""
        for path, anchor in _LINK.findall(DOCS[page]):
            target = (PLACE / path).resolve() if path else PLACE / page
            assert target.exists(), path
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"

    def test_files_exist(self, page: str) -> None:
        """Whatever file or folder of the repository is named is there."""
        named = {word for quote in quoted(DOCS[page]) for word in quote.split() if _FILE.fullmatch(word)}
        assert {name for name in named if not (REPOSITORY / name).exists()} == set()

    def test_commands_exist(self, page: str) -> None:
        """Whatever command is named can be run, with the options that are named."""
        for call in [call for quote in quoted(DOCS[page]) for call in calls_in(quote)]:
            require_known(call)

    def test_settings_exist(self, page: str) -> None:
        """Each variable is a setting, or one of a secret's file."""
        known = {f"VIDSIGNAL_{name.upper()}" for name in (*Settings.__struct_fields__, *RENAMED_SETTINGS)}
        named = {name.removesuffix("_FILE") if name not in known else name for name in _SETTING.findall(DOCS[page])}
        assert named - known - _NOT_SETTINGS == set()

    def test_is_in_the_navigation(self, page: str) -> None:
        """Exactly once, but for the page that holds the navigation."""
        assert NAVIGATION.count(page.removesuffix(".md")) == (page != "index.md")


class TestContracts:
    @pytest.mark.parametrize(("page", "heading"), FIELDS)
    def test_fields(self, page: str, heading: str) -> None:
        """The table has every field of the struct, and no other."""
        fields = msgspec.structs.fields(FIELDS[page, heading])
        assert sorted(row[0] for row in rows(page, heading)) == sorted(field.name for field in fields)

    def test_required_fields(self) -> None:
        """An upload needs what the struct has no default for."""
        said = {row[0] for row in rows("producers.md", "Fields of an upload") if row[1] == "yes"}
        assert said == {field.name for field in msgspec.structs.fields(VideoUploaded) if field.required}

    def test_features(self) -> None:
        """Name, modality, kind and meaning of each are the code's."""
        expected = [[name, spec.modality, spec.shape, spec.meaning] for name, spec in FEATURES.items()]
        assert rows("recommender.md", "Features") == expected

    def test_exit_codes(self) -> None:
        """Each code of a worker, with its name."""
        said = [row[:2] for row in rows("rolling-restarts.md", "Exit codes")]
        assert said == [[str(int(code)), code.name] for code in WorkerExit]

    def test_exit_codes_elsewhere(self) -> None:
        """Anyone who lists them lists all: the page of the alert that asks for them, and the command's help."""
        down = (PLACE / "alerts.md").read_text(encoding="utf-8").split("## VidsignalWorkerDown")[1].split("\n## ")[0]
        help_text = (worker.__doc__ or "").split("Exit codes:")[1]
        for code in WorkerExit:
            assert re.search(rf"\b{int(code)} [a-z]", " ".join(down.split())), (code, "alerts.md")
            assert re.search(rf"\b{int(code)} [a-zA-Z]", help_text), (code, "vidsignal worker --help")

    def test_days_of_what_remains(self) -> None:
        """What a deletion leaves in the topics is there as long as the settings say, by default."""
        days = {topic.name: (topic.retention_seconds or 0) // 86_400 for topic in kept_topics(read_settings())}
        left = rows("deletion.md", "What remains, and for how long")
        said = {(quoted(row[0]) or row[:1])[0]: row[2] for row in left}
        for topic in ("video.uploaded", "video.signals", "video.engagement"):
            assert said[topic].startswith(f"{days[topic]} days"), topic


def rows(page: str, heading: str) -> list[list[str]]:
    """Rows of a section's only table."""
    return table(section(DOCS[page], heading))


def test_no_page_speaks_of_a_machine() -> None:
    """No folder of some machine."""
    found = {name: re.findall(r"(?<![\w.])/(?:root|home|work)/", text) for name, text in DOCS.items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_code_names_pages_that_exist() -> None:
    """A message, an alert or a comment that refers to a page leads there, and to a heading that it has."""
    suffixes = {".py", ".yml", ".yaml", ".env"}
    files = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*") if path.suffix in suffixes]
    found = {
        (page, anchor)
        for path in (*files, REPOSITORY / "docker-compose.yml")
        for page, anchor in _PAGE.findall(path.read_text(encoding="utf-8"))
    }
    assert len({page for page, _ in found}) > 5
    missing = {(page, anchor) for page, anchor in found if page not in DOCS or anchor not in {"", *anchors(DOCS[page])}}
    assert missing == set()
