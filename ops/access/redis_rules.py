"""Redis users, derived from the table of roles."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ops.access.kafka_acls import user_of
from ops.access.roles import RoleAccess
from streams.config.settings import Settings

# Removes the user's earlier rights, but not its passwords, so that a line may be sent again at any time.
_START = ("on", "clearselectors", "resetkeys", "resetchannels", "-@all", "+@connection")
_NEVER = ("-@admin", "-@dangerous", "-@blocking")
"""Last, because a later rule wins: among others FLUSHALL, KEYS, CONFIG, ACL, DEBUG, CLIENT KILL."""


def redis_rules(settings: Settings, role: RoleAccess) -> list[str]:
    """Return the words after `ACL SETUSER <user>`; empty for a role without access to Redis."""
    if not role.uses_store:
        return []
    commands = (f"+{command}" for command in role.commands)
    return [*_START, *_key_rules(settings, role), *commands, *_NEVER]


def redis_line(settings: Settings, role: RoleAccess) -> str | None:
    """Return the whole command, quoted for `redis-cli`; None for a role without access to Redis."""
    rules = redis_rules(settings, role)
    return shlex.join(["ACL", "SETUSER", user_of(settings, role), *rules]) if rules else None


def _key_rules(settings: Settings, role: RoleAccess) -> Iterator[str]:
    for pattern in role.keys:
        yield f"~{pattern(settings)}"
    for pattern in role.keys_read:
        yield f"%R~{pattern(settings)}"
