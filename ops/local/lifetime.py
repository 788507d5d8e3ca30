"""An object that is opened before use and closed after it, whatever happens in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Lifetime(ABC):
    """Makes a context manager of `open` and `close`; after a failed `open`, `close` is called, too."""

    @abstractmethod
    def open(self) -> None:
        """Start; returns when ready to serve."""

    @abstractmethod
    def close(self) -> None:
        """Stop and release everything; valid on an object that was never or only partly opened."""

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
