"""Result of a published upload, as text and as JSON."""

from __future__ import annotations

from typing import Any

from ops.cli.deletion_lines import describe_deletion
from ops.cli.refusal_lines import describe_refusal
from ops.cli.upload_ending import Ending, PublishedUpload
from ops.cli.verdict_lines import describe_verdict
from ops.cli.warning_lines import describe_warnings


def describe_ending(upload: PublishedUpload, ending: Ending | None) -> list[str]:
    """Return the verdict or why there is none, then refusals and warnings."""
    lines = [_headline(upload, ending)]
    refusals = ending.refusals if ending is not None else ()
    warnings = describe_warnings(ending.warnings if ending is not None else ())
    told = [line for refusal in refusals for line in describe_refusal(refusal)]
    return lines + [f"  {line}" for line in (*told, *warnings)]


def ending_document(upload: PublishedUpload, ending: Ending | None) -> dict[str, Any]:
    """Return the same for scripts; `ending` is null if the time was up."""
    place = {"video_id": upload.video_id, "partition": upload.partition, "offset": upload.offset}
    if ending is None:
        return place | {"ending": None}
    return place | {
        "ending": ending.word,
        "verdict": ending.verdict,
        "refusals": ending.refusals,
        "deletion": ending.deletion,
        "warnings": ending.warnings,
    }


def _headline(upload: PublishedUpload, ending: Ending | None) -> str:
    video = f"{upload.video_id}  revision {upload.revision}"
    if ending is None:
        return f"{video} is neither final nor refused yet; vidsignal show tells how it stands"
    if ending.word == "refused":
        return f"{video} is refused"
    if ending.word == "superseded":
        return f"{video} is superseded by a higher one"
    if ending.word == "deleted":
        told = describe_deletion(ending.deletion) if ending.deletion else "forgotten"
        return f"{video} is deleted ({told}); a higher revision lives"
    assert ending.verdict is not None
    return describe_verdict(ending.verdict)
