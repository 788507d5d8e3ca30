"""Names of code in the documents exist: anyone who follows a recipe finds what it speaks of."""

from __future__ import annotations

from typing import Final

import pytest

from tests.documents import ARCHITECTURE, CONTRIBUTING, DOCS, README
from tests.identifiers import known_names, names_in

PAGES: Final = {"README.md": README, "ARCHITECTURE.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING, **DOCS}
FOREIGN: Final = frozenset({
    "AWS_SESSION_TOKEN", "AZURE_", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_SAS_KEY", "CrashLoopBackOff", "DescribeGroups", "GOOGLE_", "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_BASE_URL", "GOOGLE_BEARER_TOKEN", "GOOGLE_SERVICE_ACCOUNT", "PLTE",
})  # fmt: skip
"""Words of clouds, Kafka, Kubernetes and PNG that no code of ours spells."""
OF_NO_CODE: Final = frozenset({"CHANGELOG", "KAFKA_BOOTSTRAP", "VIDSIGNAL_SECRETS_DIR", "ZZ", "_hz"})
"""A document, variables that are read under a name put together, and examples."""


@pytest.mark.parametrize("page", PAGES)
def test_names_exist(page: str) -> None:
    """Each is a name or a text of the code, a word of its other files, or somebody else's."""
    assert names_in(PAGES[page]) - known_names() - FOREIGN - OF_NO_CODE == set()


def test_foreign_names_are_spoken_of() -> None:
    """The list holds nothing that no page needs."""
    spoken = {name for text in PAGES.values() for name in names_in(text)}
    assert spoken - known_names() >= FOREIGN | OF_NO_CODE


def test_what_is_gone_is_noticed() -> None:
    """A function, a class or a constant that nobody defines; plain words and paths are not looked up."""
    text = "Add a line to `_specs`, call `Offsets.rewind()` and set `MOST_TRIES`; see `frames`, `streams/worker`."
    assert names_in(text) == {"_specs", "Offsets", "MOST_TRIES"}
    assert not names_in(text) & known_names()
