"""The table of roles in words, as `docs/security.md` shows it."""

from __future__ import annotations

from collections.abc import Iterable

from ops.access.roles import RoleAccess
from schemas.topics import TOPICS
from streams.config.settings import Settings


def overview_row(settings: Settings, role: RoleAccess) -> list[str]:
    """Role, purpose, topics read, topics written, groups, keys of both kinds, keys only read."""
    own = (f"vidsignal-{role.name}",) if role.is_worker else ()
    groups = (*own, *role.groups, *(f"{prefix}*" for prefix in role.group_prefixes))
    return [
        role.name,
        role.does,
        "all" if role.reads == TOPICS else _quoted(topic.name for topic in role.reads),
        _quoted(topic.name for topic in role.writes),
        _quoted(groups),
        _quoted(pattern(settings) for pattern in role.keys),
        _quoted(pattern(settings) for pattern in role.keys_read),
    ]


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"
