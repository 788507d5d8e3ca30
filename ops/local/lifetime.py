"""What is opened before use and closed after it, whatever happened between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Lifetime(ABC):
    """Makes a context manager of `open` and `close`; a failed `open` is closed too."""

    @abstractmethod
    def open(self) -> None:
        """Start; returns when ready to serve."""

    @abstractmethod
    def close(self) -> None:
        """Stop and give everything back; harmless on what never opened, or only in part."""

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
