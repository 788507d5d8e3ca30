"""What is raised for files that models cannot be measured with."""

from __future__ import annotations


class UnusableMedia(Exception):
    """A file cannot be decoded, or all of them together have no picture; others have to be named."""
