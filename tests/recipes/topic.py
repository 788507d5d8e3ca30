"""The example of a new topic, with a role that consumes it: pictures that producers choose to stand for a video."""

from __future__ import annotations

from typing import Final

from tests.recipes.edits import Recipe, after, before, replaced, several

_STRUCT: Final = '''"""A producer chose a picture that stands for a video."""

from __future__ import annotations

from msgspec import Struct

from schemas.identity import VideoId


class ThumbnailChosen(Struct, frozen=True, kw_only=True):
    """The picture of one video; a later one takes its place."""

    video_id: VideoId
    picture_url: str
'''
_GOLDEN: Final = '{"video_id": "v-1001", "picture_url": "https://cdn.example/v-1001.jpg"}\n'
_ROOM: Final = '"""Pictures that stand for videos."""\n'
_WORK: Final = '''"""What becomes of thumbnails: they are counted by the metrics of every role, and no more."""

from __future__ import annotations

import msgspec

from schemas.errors import InvalidEvent
from schemas.facts import Failure
from schemas.thumbnails import ThumbnailChosen
from streams.delivery.admission import Slot
from streams.dead_letters.dead_letters import DeadLetters
from streams.record import Record


class Thumbnails:
    """The thumbnail role's agent.

    Args:
        dead_letters: takes events that nobody can read.
    """

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters

    async def run(self, record: Record, slot: Slot) -> None:
        """Read one event. Raises InvalidEvent."""
        del slot
        try:
            msgspec.json.decode(record.value or b"", type=ThumbnailChosen)
        except msgspec.DecodeError as error:
            raise InvalidEvent("event-invalid", str(error)) from error

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Write its dead letter."""
        del slot
        await self._dead_letters.write(record, failure, role="thumbnail")
'''
_SPEC: Final = '''def thumbnail_spec(shared: Shared) -> RoleSpec:
    """Thumbnails are read."""
    return RoleSpec(
        role="thumbnail",
        topic=THUMBNAIL,
        works={"thumbnail": Thumbnails(shared.dead_letters)},
        capacity=_LIGHT_EVENTS,
        rules=ResumeFromKafka(),
    )


'''
_TOPIC: Final = """THUMBNAIL: Final = Topic(
    "video.thumbnail",
    ThumbnailChosen,
    "producers",
    "a picture was chosen to stand for a video",
    "delete",
    7 * _DAY_SECONDS,
    MAX_UPLOAD_BYTES,
    is_stamped_by_broker=True,
)
"""
_ACCESS: Final = """THUMBNAILS: Final = RoleAccess(
    name="thumbnail",
    does="reads which pictures were chosen",
    reads=(THUMBNAIL,),
    writes=(DEAD_LETTER,),
    is_worker=True,
    keys=(_STALLS, *_DEAD_LETTERS),
    commands=(*_HASHES_AND_STRINGS, "@sortedset", *_SCRIPTS, *_TRANSACTIONS),
)
"""
_ACCESS_ROW: Final = (
    "| thumbnail | reads which pictures were chosen | `video.thumbnail` | `video.dead-letter` | `vidsignal-thumbnail` "
    "| `vs:stalls:*`, `vs:dead-letter:*`, `vs:{*}:letters`, `vs:{*}:deletion` | none |"
)

_WRITERS: Final = replaced(
    "backfill and engagement roles; withdrawn", "backfill, engagement and thumbnail roles; withdrawn"
)

TOPIC: Final = Recipe(
    what="a topic",
    new_files={
        1: {"schemas/thumbnails.py": _STRUCT},
        3: {"schemas/golden/video.thumbnail.v1.json": _GOLDEN},
        6: {"streams/thumbnails/__init__.py": _ROOM, "streams/thumbnails/reading.py": _WORK},
    },
    changes={
        1: {
            "schemas/codec.py": several(
                after("from schemas.outcomes import", "from schemas.thumbnails import ThumbnailChosen"),
                replaced(
                    "| RecommendationRecord | DeadLetter", "| RecommendationRecord | DeadLetter | ThumbnailChosen"
                ),
                after('    DeadLetter: "video.dead-letter.v1",', '    ThumbnailChosen: "video.thumbnail.v1",'),
            ),
        },
        2: {
            "schemas/topics.py": several(
                after("from schemas.outcomes import", "from schemas.thumbnails import ThumbnailChosen"),
                before("TOPICS: Final[", f"{_TOPIC}\n"),
                replaced("    DEAD_LETTER,\n)", "    DEAD_LETTER,\n    THUMBNAIL,\n)"),
            ),
            "streams/config/retention.py": several(
                after("    SIGNALS,", "    THUMBNAIL,"),
                after(
                    "    SIGNALS.name:",
                    '    THUMBNAIL.name: "topic_retention_uploaded_seconds",',
                ),
            ),
        },
        4: {
            "docs/topics-and-keys.md": after(
                "| `video.dead-letter` |",
                "| `video.thumbnail` | producers | 7 days | a picture was chosen to stand for a video |",
            ),
        },
        5: {
            "ops/access/roles.py": several(
                after("    SIGNALS,", "    THUMBNAIL,"),
                before("_ONE_VIDEO: Final", f"{_ACCESS}"),
                replaced("    writes=(UPLOADED,),\n    keys_read", "    writes=(UPLOADED, THUMBNAIL),\n    keys_read"),
                after("    ENGAGEMENT_COUNTS,", "    THUMBNAILS,"),
            ),
            "docs/security.md": several(
                after("| engagement |", _ACCESS_ROW),
                replaced("| none | `video.uploaded` | none |", "| none | `video.uploaded`, `video.thumbnail` | none |"),
            ),
        },
        6: {
            "schemas/topics.py": _WRITERS,
            "docs/topics-and-keys.md": _WRITERS,
            "pyproject.toml": replaced('"consumer | intake |', '"consumer | thumbnails | intake |'),
            "streams/config/settings.py": several(
                replaced('"verdict", "engagement"]', '"verdict", "engagement", "thumbnail"]'),
                replaced('"verdict", "engagement")', '"verdict", "engagement", "thumbnail")'),
            ),
            "docs/settings.md": replaced(
                "`intake,media,backfill,verdict,engagement`", "`intake,media,backfill,verdict,engagement,thumbnail`"
            ),
            "streams/worker/roles.py": several(
                replaced("import BACKFILL, SIGNALS, UPLOADED", "import BACKFILL, SIGNALS, THUMBNAIL, UPLOADED"),
                after("from streams.store.video_statuses", "from streams.thumbnails.reading import Thumbnails"),
                before("def media_spec(", _SPEC),
            ),
            "streams/worker/worker.py": several(
                before("from streams.worker.roles import", "from streams.worker.roles import thumbnail_spec"),
                after(
                    "            specs.append(intake_spec(shared))",
                    '        if "thumbnail" in self._settings.roles:\n            specs.append(thumbnail_spec(shared))',
                ),
            ),
            "streams/monitoring/metric_series.py": several(
                replaced("ENGAGEMENT, SIGNALS, UPLOADED, Topic", "ENGAGEMENT, SIGNALS, THUMBNAIL, UPLOADED, Topic"),
                after('    "engagement": (*_UNREADABLE,', '    "thumbnail": _UNREADABLE,'),
                after('    "engagement": ENGAGEMENT,', '    "thumbnail": THUMBNAIL,'),
                after('    "engagement": ("publish",),', '    "thumbnail": ("publish",),'),
            ),
            "ops/doctor/groups.py": several(
                replaced("ENGAGEMENT, SIGNALS, UPLOADED, Topic", "ENGAGEMENT, SIGNALS, THUMBNAIL, UPLOADED, Topic"),
                after('    "engagement": ENGAGEMENT,', '    "thumbnail": THUMBNAIL,'),
            ),
        },
    },
    not_needed={8: "is for brokers that run already"},
)
"""What producers write, a role of its own reads: so it touches all that a topic may touch."""
