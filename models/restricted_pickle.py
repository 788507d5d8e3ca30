"""Reads pickles of known content without importing, let alone running, what they name.

A pickle may call anything that can be imported. Here every name that a file mentions must be on a short list given by
the caller, and what stands on that list are stubs that store attributes. What the file's author wrote as a class of
some framework comes back as an `AttributeBag`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

GlobalName = tuple[str, str]
"""Module and name, as a pickle spells them."""

Stubs = Mapping[GlobalName, Callable[..., Any]]
"""What may stand in for each name that a pickle mentions."""


class ForbiddenGlobal(pickle.UnpicklingError):
    """A pickle names something that is not on the list of its reader: the file is not what it should be."""


class AttributeBag:
    """Stands for an instance of a class that is not imported: has its attributes, none of its behaviour."""

    def __init__(self, *arguments: object) -> None:
        """Takes and ignores what the real constructor would be given."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the pickled object has no attribute {name!r}, only {sorted(self.__dict__)}")


def stub_for(stubs: Stubs, module: str, name: str) -> Callable[..., Any]:
    """The stand-in of one global.

    Raises:
        ForbiddenGlobal: The name is not listed.
    """
    try:
        return stubs[module, name]
    except KeyError:
        allowed = ", ".join(sorted(".".join(listed) for listed in stubs))
        raise ForbiddenGlobal(f"pickle names {module}.{name}; allowed are {allowed}") from None


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that knows only the given stubs."""

    def __init__(self, file: Any, stubs: Stubs) -> None:
        super().__init__(file)
        self._stubs = stubs

    def find_class(self, module: str, name: str) -> Any:
        """Called by the unpickler for every global; `ForbiddenGlobal` when it is not listed."""
        return stub_for(self._stubs, module, name)


def load_pickle(path: Path, stubs: Stubs) -> Any:
    """The object in a pickle file.

    Raises:
        ForbiddenGlobal: The file names anything else than the keys of `stubs`.
    """
    with path.open("rb") as file:
        return RestrictedUnpickler(file, stubs).load()
