"""The table of roles: what each reads and writes on Kafka and in Redis.

To change it: `reads` and `writes` are the topics that a role consumes and publishes, `keys` the keys that it uses, each
by its name in `streams.store.keys`, and `commands` the commands that it sends. Redis treats every key of a script as
written, whatever the script does with it, and the commands inside a script need permission, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ops.access.key_patterns import KeyPattern, numbered, of_role, of_topic, of_videos, whole
from schemas.topics import (
    BACKFILL,
    DEAD_LETTER,
    ENGAGEMENT,
    MODERATION,
    RECOMMENDATION,
    SIGNALS,
    TOPICS,
    UPLOADED,
    Topic,
)
from streams.kafka.clients import READER_GROUP, WATCH_GROUP
from streams.store.keys import Keys

_HASHES_AND_STRINGS: Final = ("@hash", "@string", "del", "unlink", "exists", "expire", "type")
_SCRIPTS: Final = ("evalsha", "script|load")
_TRANSACTIONS: Final = ("multi", "exec", "discard", "watch", "unwatch")
_READING: Final = ("get", "mget", "hget", "hmget", "hgetall", "exists", "smembers")
_VECTOR_READING: Final = ("vsim", "vemb", "vdim", "vcard", "vinfo", "vgetattr", "vismember")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAccess:
    """What one role may do; everything else is refused."""

    name: str
    does: str
    reads: tuple[Topic, ...] = ()
    writes: tuple[Topic, ...] = ()
    is_worker: bool = False
    """Whether it joins the group of its role in `streams.consumer.role_app`, and waits at the start until all topics
    exist."""
    groups: tuple[str, ...] = ()
    """Groups without the stack's prefix, in addition to a worker's own."""
    group_prefixes: tuple[str, ...] = ()
    """Prefixes of groups that it may join, after the stack's prefix."""
    administers: bool = False
    """Whether it creates the topics and reads their configuration."""
    keys: tuple[KeyPattern, ...] = ()
    """Keys that it reads and writes."""
    keys_read: tuple[KeyPattern, ...] = ()
    """Keys that it only reads."""
    commands: tuple[str, ...] = ()
    """Redis commands, and categories with `@`; administrative and dangerous commands are removed at the end."""

    @property
    def uses_store(self) -> bool:
        """Whether it has access to Redis at all."""
        return bool(self.keys or self.keys_read)


_REFUSALS: Final = (of_videos(Keys.refusals), whole(Keys.refused))
_TEXTS: Final = (of_videos(Keys.speech_text), of_videos(Keys.picture_text))
_STALLS: Final = whole(lambda keys: keys.stalls("*"))
_DEAD_LETTERS: Final = (
    whole(lambda keys: keys.dead_letter("*")),
    of_videos(Keys.letters),
    of_videos(Keys.deletion),
)


def _media_work(
    name: str, does: str, source: Topic, *keys_read: KeyPattern, writes: tuple[Topic, ...] = ()
) -> RoleAccess:
    return RoleAccess(
        name=name,
        does=does,
        reads=(source,),
        writes=(*writes, SIGNALS, DEAD_LETTER),
        is_worker=True,
        keys=(
            of_videos(Keys.status),  # only read, but Redis lets a script declare nothing that its user may not write
            of_videos(Keys.claims),
            *_TEXTS,
            of_videos(Keys.deletion_marker),
            of_topic(Keys.attempts, source),
            _STALLS,
            *_DEAD_LETTERS,
            *_REFUSALS,
        ),
        keys_read=keys_read,
        commands=(*_HASHES_AND_STRINGS, "@sortedset", *_SCRIPTS, *_TRANSACTIONS),
    )


INTAKE: Final = RoleAccess(
    name="intake",
    does="validates uploads and registers them",
    reads=(UPLOADED,),
    writes=(BACKFILL, SIGNALS, DEAD_LETTER),
    is_worker=True,
    keys=(
        of_videos(Keys.status),
        of_videos(Keys.deletion_marker),
        of_videos(Keys.engagement),
        whole(Keys.deadlines),
        of_topic(Keys.intake_attempts, UPLOADED),
        _STALLS,
        *_DEAD_LETTERS,
        *_REFUSALS,
    ),
    commands=(*_HASHES_AND_STRINGS, "@sortedset", *_SCRIPTS, *_TRANSACTIONS),
)
MEDIA: Final = _media_work("media", "turns media into signals", UPLOADED, writes=(BACKFILL,))
PAST: Final = _media_work(
    "backfill",
    "turns past uploads into signals when no live one is in flight",
    BACKFILL,
    of_videos(Keys.state),
    whole(Keys.backfill_paused),
)
VERDICT: Final = RoleAccess(
    name="verdict",
    does="folds facts into verdicts and feature records, deletes videos, and audits",
    reads=(SIGNALS, MODERATION, RECOMMENDATION),
    writes=(SIGNALS, MODERATION, RECOMMENDATION, DEAD_LETTER),
    is_worker=True,
    groups=(READER_GROUP,),
    keys=(
        *(of_videos(key) for key in (Keys.status, Keys.verdict, Keys.features, Keys.embeddings, Keys.engagement)),
        *(of_videos(key) for key in (Keys.state, Keys.gap, Keys.claims)),
        *_TEXTS,
        *(of_videos(key) for key in (Keys.deletion_marker, Keys.deletion, Keys.letters)),
        *_REFUSALS,
        whole(lambda keys: keys.dead_letter("*")),
        of_topic(Keys.fold_deaths, SIGNALS),
        whole(Keys.gaps),
        whole(Keys.deadlines),
        whole(Keys.tombstones),
        whole(Keys.expiring),
        whole(Keys.audit),
        _STALLS,
        whole(Keys.spaces),
        whole(lambda keys: keys.space("*")),
        whole(Keys.picture_hashes),
        of_role(Keys.applied, "verdict", SIGNALS),
    ),
    commands=(
        *_HASHES_AND_STRINGS, "persist", "@sortedset", "@set",
        "vadd", "vrem", "vsetattr", *_VECTOR_READING, *_SCRIPTS, *_TRANSACTIONS,
    ),
)  # fmt: skip
ENGAGEMENT_COUNTS: Final = RoleAccess(
    name="engagement",
    does="counts engagement",
    reads=(ENGAGEMENT,),
    writes=(SIGNALS, DEAD_LETTER),
    is_worker=True,
    keys=(
        of_videos(Keys.engagement),
        of_videos(Keys.deletion_marker),
        of_topic(Keys.engagement_offset, ENGAGEMENT),
        of_topic(Keys.engagement_ids, ENGAGEMENT),
        of_topic(Keys.engagement_deaths, ENGAGEMENT),
        whole(lambda keys: numbered(keys.engagement_due(0))),
        _STALLS,
        *_DEAD_LETTERS,
    ),
    keys_read=(of_videos(Keys.status), of_videos(Keys.state)),
    commands=(*_HASHES_AND_STRINGS, "pttl", "@sortedset", *_SCRIPTS, *_TRANSACTIONS),
)
_ONE_VIDEO: Final = tuple(
    of_videos(key)
    for key in (
        Keys.status, Keys.verdict, Keys.features, Keys.embeddings, Keys.engagement, Keys.deletion, Keys.refusals,
    )
)  # fmt: skip
"""Commands of `show`."""
PRODUCER: Final = RoleAccess(
    name="producer",
    does="publishes uploads, and reads their results",
    writes=(UPLOADED,),
    keys_read=_ONE_VIDEO,
    commands=(*_READING, *_TRANSACTIONS),
)
PRODUCER_ENGAGEMENT: Final = RoleAccess(name="producer-engagement", does="publishes engagement", writes=(ENGAGEMENT,))
READER_RECOMMENDER: Final = RoleAccess(
    name="reader-recommender",
    does="reads features, embeddings and similar videos from Redis",
    keys_read=(
        *(of_videos(key) for key in (Keys.status, Keys.verdict, Keys.features, Keys.embeddings, Keys.engagement)),
        *(of_videos(key) for key in (Keys.deletion_marker, Keys.deletion)),
        whole(Keys.spaces),
    ),
    keys=(
        whole(lambda keys: keys.space("*")),
        whole(Keys.picture_hashes),
    ),  # Redis treats a search as a write; none of the commands writes
    commands=(*_READING, *_VECTOR_READING, *_TRANSACTIONS),
)
READER_TRAINER: Final = RoleAccess(
    name="reader-trainer",
    does="reads feature records from their topic",
    reads=(RECOMMENDATION,),
    group_prefixes=("trainer-",),
)
READER_SAFETY: Final = RoleAccess(
    name="reader-safety", does="reads verdicts from their topic", reads=(MODERATION,), group_prefixes=("safety-",)
)
REVIEWER: Final = RoleAccess(
    name="reviewer",
    does="publishes reviews, by the command `review`",
    writes=(SIGNALS,),
    keys_read=(*_ONE_VIDEO, *_TEXTS),
    commands=(*_READING, *_TRANSACTIONS),
)
POLICY_APPLIER: Final = RoleAccess(
    name="policy-applier",
    does="applies a changed policy to old verdicts, by the command `policy apply`",
    reads=(MODERATION,),
    writes=(SIGNALS,),
    groups=(READER_GROUP,),
    keys_read=(of_videos(Keys.state),),
    commands=(*_READING, *_TRANSACTIONS),
)
OPERATOR: Final = RoleAccess(
    name="operator",
    does="runs the commands: topics, watch, show, forget, reprocess, dead letters, projection, rebuild",
    reads=TOPICS,
    writes=(UPLOADED, BACKFILL, ENGAGEMENT),
    groups=(READER_GROUP, WATCH_GROUP),
    group_prefixes=("vidsignal-backfill",),
    administers=True,
    keys=(whole(lambda keys: f"{keys.prefix}vs:*"),),
    commands=("@all",),
)

ACCESS: Final[tuple[RoleAccess, ...]] = (
    INTAKE,
    MEDIA,
    PAST,
    VERDICT,
    ENGAGEMENT_COUNTS,
    PRODUCER,
    PRODUCER_ENGAGEMENT,
    READER_RECOMMENDER,
    READER_TRAINER,
    READER_SAFETY,
    REVIEWER,
    POLICY_APPLIER,
    OPERATOR,
)
"""Every role, in the order in which an upload passes them."""


class UnknownRole(Exception):
    """No such role; the message lists existing ones."""


def find_roles(name: str | None) -> tuple[RoleAccess, ...]:
    """Return the role of a name, or all. Raises UnknownRole."""
    found = tuple(role for role in ACCESS if name in (None, role.name))
    if not found:
        raise UnknownRole(f"there is no role {name!r}; there are {', '.join(role.name for role in ACCESS)}")
    return found
