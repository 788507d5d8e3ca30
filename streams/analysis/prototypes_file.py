"""From a file of prototypes to `Prototypes`: read, validated, hashed. `default_prototypes.yaml` explains the format."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import resources
from itertools import chain
from pathlib import Path

from operators.context.prototypes import Prototypes, group_in
from schemas.labels import LABELS
from streams.decision.edited_file import load_edited
from streams.decision.policy_checks import (
    InvalidPolicy,
    choice_at,
    count_at,
    list_at,
    mapping_at,
    object_at,
    refuse,
    text_at,
)
from streams.decision.policy_yaml import parse_yaml

_KEYS = ("name", "version", "groups", "general", "labels", "neutral")
LEAST_EXAMPLES = 5
"""Of a label, and of the harmless ones."""
MAX_EXAMPLES = 5_000
"""With groups filled in; the comparison's time grows with the number, that of a worker's start with its cube."""
MAX_CHARACTERS = 300
"""Of an example."""


class InvalidPrototypes(InvalidPolicy):
    """A file of prototypes is wrong; the message says where, what was found and what is allowed."""


def load_prototypes(path: Path | None) -> Prototypes:
    """Read a file of prototypes, or the packaged default if the path is None. Raises InvalidPrototypes."""
    packaged = resources.files("streams.analysis").joinpath("default_prototypes.yaml")
    return load_edited(path, packaged, parse_prototypes, "prototypes file", InvalidPrototypes)


def parse_prototypes(content: bytes) -> Prototypes:
    """Validate the bytes of a file of prototypes. Raises InvalidPrototypes."""
    try:
        return _prototypes(parse_yaml(content), hashlib.sha256(content).hexdigest())
    except InvalidPolicy as error:
        raise InvalidPrototypes(str(error)) from error


def _prototypes(document: object, file_hash: str) -> Prototypes:
    top = object_at("$", document, _KEYS, required=("name", "version", "general", "labels", "neutral"))
    labels = _labels(top["labels"])
    found = Prototypes(
        name=text_at("$.name", top["name"]),
        version=count_at("$.version", top["version"]),
        file_hash=file_hash,
        groups=_groups(top.get("groups", {})),
        general=choice_at("$.general", top["general"], labels),
        labels=labels,
        neutral=_examples("$.neutral", top["neutral"]),
    )
    _check(found)
    return found


def _labels(found: object) -> Mapping[str, tuple[str, ...]]:
    labels = mapping_at("$.labels", found)
    return {
        choice_at("a key of $.labels", label, LABELS): _examples(f"$.labels.{label}", examples)
        for label, examples in labels.items()
    }


def _groups(found: object) -> Mapping[str, tuple[str, ...]]:
    groups = mapping_at("$.groups", found)
    return {
        text_at("a key of $.groups", name): _texts(f"$.groups.{name}", words, least=1) for name, words in groups.items()
    }


def _examples(place: str, found: object) -> tuple[str, ...]:
    return _texts(place, found, least=LEAST_EXAMPLES)


def _texts(place: str, found: object, *, least: int) -> tuple[str, ...]:
    texts = tuple(text_at(f"{place}[{index}]", item) for index, item in enumerate(list_at(place, found)))
    if len(texts) < least:
        refuse(place, f"{len(texts)} texts", f"{least} or more")
    for index, text in enumerate(texts):
        if len(text) > MAX_CHARACTERS:
            refuse(f"{place}[{index}]", f"{text[:40]}...", f"at most {MAX_CHARACTERS} characters")
    return texts


def _check(found: Prototypes) -> None:
    """Refuse what only the whole file shows."""
    texts = tuple(chain(*found.labels.values(), found.neutral))
    for text in texts:
        group = group_in(text)
        if group is not None:
            choice_at(f"a name in braces of {text!r}", group, found.groups)
    _check_distinct(texts)
    number = sum(1 for _ in found.examples())
    if number > MAX_EXAMPLES:
        refuse("$", f"{number} examples", f"at most {MAX_EXAMPLES}, with groups filled in")


def _check_distinct(texts: Iterable[str]) -> None:
    (text, number), *_ = Counter(texts).most_common(1)
    if number > 1:
        refuse("$", text, "each example once, for one label or as neutral")
