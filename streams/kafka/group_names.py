"""Names of the consumer groups."""

from __future__ import annotations

from streams.config.settings import Role, Settings


def group_of(settings: Settings, role: Role) -> str:
    """Consumer group of a role; it never depends on what else a worker runs."""
    return f"{settings.topic_prefix}vidsignal-{role}"
