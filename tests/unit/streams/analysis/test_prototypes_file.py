"""Files of prototypes: what is read, how mistakes are told, and what a changed file changes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.card_registry import CARDS
from schemas.labels import LABELS
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.engine import PLAN_POLICY
from streams.analysis.prototypes_file import InvalidPrototypes, load_prototypes, parse_prototypes
from streams.analysis.provenance import generation_of, provenance_of
from streams.backfill.current_versions import present_versions
from streams.config.settings import read_settings

LABEL = "violence/threats/threat-in-text"
RIGHT = {
    "name": "house",
    "version": 2,
    "general": LABEL,
    "groups": {"people": ["bakers", "sailors"]},
    "labels": {LABEL: ["one", "two", "three", "four", "I hate {people}"]},
    "neutral": ["five", "six", "seven", "eight", "NO"],
}


def written(**changed: object) -> bytes:
    return msgspec.yaml.encode(RIGHT | changed)


def message_of(content: bytes) -> str:
    with pytest.raises(InvalidPrototypes) as caught:
        parse_prototypes(content)
    return str(caught.value)


class TestReading:
    def test_content(self) -> None:
        """Every example is read as it stands, also one that YAML would take for a boolean."""
        found = parse_prototypes(written())

        assert (found.name, found.version, found.general) == ("house", 2, LABEL)
        assert found.neutral[-1] == "NO"
        assert "I hate sailors" in [example.text for example in found.examples()]

    def test_default(self) -> None:
        """The packaged file has examples of threats and of four more labels, and hard harmless ones."""
        found = load_prototypes(None)

        assert set(found.labels) <= set(LABELS)
        assert len(found.labels) == 5
        assert min(map(len, found.labels.values())) >= 30
        assert len(found.neutral) >= 250


class TestMistakes:
    @pytest.mark.parametrize(
        ("changed", "parts"),
        [
            ({"version": 0}, ("$.version is 0", "a whole number from 1")),
            ({"labels": {"violence/threats/threat-in-txt": ["a"] * 5}}, ("threat-in-txt", LABEL)),
            ({"labels": {LABEL: ["one", "two"]}}, (f"$.labels.{LABEL} is '2 texts'", "5 or more")),
            ({"neutral": ["one", "six", "seven", "eight", "nine"]}, ("'one'", "each example once")),
            ({"neutral": ["a {peple}", "six", "seven", "eight", "nine"]}, ("'peple'", "people")),
            ({"neutral": ["", "six", "seven", "eight", "nine"]}, ("$.neutral[0] is ''", "not empty")),
            ({"neutral": ["x" * 400, "six", "seven", "eight", "nine"]}, ("$.neutral[0]", "at most 300 characters")),
            ({"general": "violence/explosion/explosion-heard"}, ("$.general", LABEL)),
            ({"groups": {"people": [f"p{n}" for n in range(6_000)]}}, ("6009 examples", "at most 5000")),
            ({"extra": 1}, ("'extra'", "neutral")),
        ],
    )
    def test_message(self, changed: dict[str, object], parts: tuple[str, ...]) -> None:
        """It says where, what was found and what is allowed."""
        message = message_of(written(**changed))
        assert [part for part in parts if part not in message] == []

    def test_file(self, tmp_path: Path) -> None:
        """It names the file."""
        with pytest.raises(InvalidPrototypes, match=r"prototypes file .*gone\.yaml.* cannot be read"):
            load_prototypes(tmp_path / "gone.yaml")
        (tmp_path / "wrong.yaml").write_text("- a")
        with pytest.raises(InvalidPrototypes, match=r"prototypes file .*wrong\.yaml.*a mapping"):
            load_prototypes(tmp_path / "wrong.yaml")


class TestVersions:
    def test_a_changed_file_judges_again(self) -> None:
        """Every byte changes what a claim answers for; a higher version replaces earlier results, of what judges text.

        Pictures and sound have text, too; motion has none.
        """
        one, other = (parse_prototypes(written() + end) for end in (b"", b"# remark\n"))
        newer = parse_prototypes(written(version=3))

        fingerprints = {
            provenance_of(AGENTS["context"], CARDS, {}, PLAN_POLICY, 0, each).fingerprint
            for each in (one, other, newer)
        }
        assert len(fingerprints) == 3
        raised = {
            modality: generation_of(agent, CARDS, 0, newer) - generation_of(agent, CARDS, 0, one)
            for modality, agent in AGENTS.items()
        }
        assert raised == {"context": 1, "frames": 1, "audio": 1, "motion": 0}

    def test_reprocessing_finds_it(self, tmp_path: Path) -> None:
        """A job for the prototypes selects results of another file."""
        path = tmp_path / "prototypes.yaml"
        path.write_bytes(written())

        present = present_versions(read_settings(prototypes_file=str(path)))

        assert present["context"].models["text-prototypes"] == parse_prototypes(written()).fingerprint
        assert "text-prototypes" not in present["motion"].models
