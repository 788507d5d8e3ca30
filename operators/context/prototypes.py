"""Example sentences of labels, and harmless ones, with which a text is compared; people edit them without code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

PROTOTYPES = "text-prototypes"
"""Their name in evidence, and in a signal's models."""
_GROUP = re.compile(r"\{(\w+)\}")
"""Stands in an example for each word of a group in turn."""


class Prototype(NamedTuple):
    """One sentence to compare with."""

    text: str
    label: str | None
    """None: harmless."""
    weight: float
    """1, shared by the sentences that one example with a group in it stands for."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """A validated file of examples."""

    name: str
    version: int
    file_hash: str
    """SHA-256 of the file's bytes, 64 hex digits."""
    groups: Mapping[str, tuple[str, ...]]
    """Words that stand for each other, by the name that examples have in braces."""
    general: str
    """The label of any abusive text, one of `labels`."""
    labels: Mapping[str, tuple[str, ...]]
    """Examples by taxonomy label, each list not empty."""
    neutral: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Names the content, in evidence and in a signal's models."""
        return f"{self.name}-{self.version}-{self.file_hash[:12]}"

    @property
    def model_name(self) -> str:
        """The name in evidence, `name@version`."""
        return f"{PROTOTYPES}@{self.fingerprint}"

    def examples(self) -> Iterator[Prototype]:
        """Yield every sentence, those of the labels first, in the order of the file."""
        for label, texts in self.labels.items():
            yield from self._examples(texts, label)
        yield from self._examples(self.neutral, None)

    def _examples(self, texts: tuple[str, ...], label: str | None) -> Iterator[Prototype]:
        for text in texts:
            filled = self._filled(text)
            yield from (Prototype(each, label, 1.0 / len(filled)) for each in filled)

    def _filled(self, text: str) -> tuple[str, ...]:
        group = group_in(text)
        return tuple(text.replace(f"{{{group}}}", word) for word in self.groups[group]) if group else (text,)


def group_in(text: str) -> str | None:
    """Return the name of the group that an example contains, in braces; None without one."""
    found = _GROUP.search(text)
    return found[1] if found else None
