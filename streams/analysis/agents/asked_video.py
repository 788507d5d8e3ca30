"""A video as a chat model is shown it, once the other agents have ended, or half of the time is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from operators.captions.caption_question import ShownVideo
from operators.captions.caption_states import CaptionState
from operators.captions.shot_pictures import shown_places
from operators.errors import ModelFault, Overloaded, ServerUnavailable
from operators.fusion.fusing import Said
from operators.inference.loaded_model import ServerUsage
from operators.inference.remote.chat_client import BadAnswer, Declined
from operators.inference.remote.faults import NoAnswerInTime
from operators.media.tracks import SampledFrame
from schemas.evidence import TextFound
from schemas.identity import Modality
from streams.analysis.agents.analysis import AgentWork, Analysis, ChatParts

TimeLeft = Callable[[], float]
"""Returns the seconds that are left from now on; not positive if they are over."""
AskFault = ModelFault | Overloaded | ServerUnavailable | TimeoutError
ASK_FAULTS: Final = (ModelFault, Overloaded, ServerUnavailable, TimeoutError)
"""Everything that a question may fail with; the agent goes on without an answer."""
_OTHERS: Final[tuple[Modality, ...]] = ("context", "motion", "audio")
_CUTS: Final = "motion.cut_times_seconds"


@dataclass(frozen=True, slots=True)
class AskedVideo:
    """What of a video is sent, and what its other agents say of it."""

    shown: ShownVideo
    said: tuple[Said, ...]
    """Labels of the other modalities."""

    @property
    def texts(self) -> list[str]:
        """What is said and shown."""
        return [text.text for text in (*self.shown.spoken, *self.shown.shown)]


async def asked_video(
    work: AgentWork, chat: ChatParts, frames: Sequence[SampledFrame], shown: Sequence[TextFound], time_left: TimeLeft
) -> AskedVideo:
    """Return the video of an upload.

    Args:
        work: of the agent of the frames.
        chat: says how many pictures are shown.
        frames: sampled, ascending.
        shown: what was read in them.
        time_left: until the answer has to be there.
    """
    others = await _others(work, time_left)
    audio = others.get("audio")
    places = shown_places([frame.pts_seconds for frame in frames], _cuts(others.get("motion")), chat.num_pictures)
    return AskedVideo(
        ShownVideo([frames[place] for place in places], audio.texts if audio else (), shown),
        tuple((modality, label) for modality, analysis in others.items() for label in analysis.labels),
    )


async def _others(work: AgentWork, time_left: TimeLeft) -> dict[Modality, Analysis]:
    """Return what the other agents found, as far as they end in the first half of the time."""
    if work.findings is None:
        return {}
    kept_seconds = time_left() / 2
    found = {modality: await work.findings.of(modality, time_left() - kept_seconds) for modality in _OTHERS}
    return {modality: analysis for modality, analysis in found.items() if analysis is not None}


def _cuts(motion: Analysis | None) -> Sequence[float]:
    feature = motion.features.get(_CUTS) if motion else None
    return feature.value if feature else ()


def state_of(error: AskFault) -> CaptionState:
    """Return what an error of a question means for its answer."""
    match error:
        case Declined():
            return "declined"
        case BadAnswer():
            return "malformed"
        case TimeoutError() | NoAnswerInTime():
            return "late"
        case Overloaded():
            return "overloaded"
        case ServerUnavailable():
            return "unavailable"
    return "failed"


def usage_of(error: AskFault) -> ServerUsage | None:
    """Return what a question without an answer cost, as far as the server counted it."""
    return error.usage if isinstance(error, BadAnswer) else None
