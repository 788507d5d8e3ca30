"""Reads pickles of known content without importing or running what they name.

A pickle may call anything that can be imported. Here every name in a file must be on a short list given by the caller,
and the entries of that list are stubs that store attributes. An instance of a framework's class becomes an
`AttributeBag`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

GlobalName = tuple[str, str]
"""Module and name, as a pickle spells them."""

Stubs = Mapping[GlobalName, Callable[..., Any]]
"""Stub for each permitted name in a pickle."""


class ForbiddenGlobal(pickle.UnpicklingError):
    """A pickle contains a name that is not permitted: the file has unexpected content."""


class AttributeBag:
    """Stub for an instance of a class that is not imported: has its attributes, none of its behaviour."""

    def __init__(self, *arguments: object) -> None:
        """Accept and ignore the real constructor's arguments."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the pickled object has no attribute {name!r}, only {sorted(self.__dict__)}")


def stub_for(stubs: Stubs, module: str, name: str) -> Callable[..., Any]:
    """Return the stub of one global.

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
        """Called by the unpickler for every global; raises `ForbiddenGlobal` if it is not listed."""
        return stub_for(self._stubs, module, name)


def load_pickle(path: Path, stubs: Stubs) -> Any:
    """Return the object in a pickle file.

    Raises:
        ForbiddenGlobal: The file names anything other than the keys of `stubs`.
    """
    with path.open("rb") as file:
        return RestrictedUnpickler(file, stubs).load()
