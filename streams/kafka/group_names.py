"""Names of the consumer groups."""

from __future__ import annotations

from streams.config.settings import Role, Settings


def group_of(settings: Settings, role: Role) -> str:
    """Return the consumer group of a role; it does not depend on the worker's other roles."""
    return f"{settings.topic_prefix}vidsignal-{role}"
