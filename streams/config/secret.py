"""A value that is never printed: not in logs, errors or settings."""

from __future__ import annotations


class Secret:
    """A password, or an address that may contain one; equal to another `Secret` with the same value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("expected a text")
        self._value = value

    def get_secret_value(self) -> str:
        """Return the value itself, to send it to a server."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('**********')" if self._value else "Secret('')"
