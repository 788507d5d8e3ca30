"""Abuse that is drawn into a second of a video reaches the decision with its seconds, however it is written."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from matplotlib import get_data_path

from models.card_registry import CARDS, card_of_use
from models.loaders import load_module
from models.text_reading import load_text_readers
from operators.class_names import ClassNames
from operators.context.recognised_labels import ON_SCREEN_ABUSE
from operators.context.text_models import load_text_models
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.inference import Inference
from operators.inference.private_cache import PrivateCache
from operators.inference.request_context import RequestContext
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from ops.assets.cache import default_cache_dir
from ops.assets.weights import fetch_weights
from ops.evaluate.burnt.drawing import KINDS, burn, text_layer
from ops.evaluate.burnt.evasions import EVASIONS
from schemas.facts import Signal
from schemas.outcomes import ModalityStates
from schemas.uploads import FileSource, VideoUploaded
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import AgentWork
from streams.analysis.agents.host_threads import ThreadedHost
from streams.analysis.agents.signals import Provenance, ok_signal
from streams.analysis.prototype_vectors import open_prototypes
from streams.analysis.prototypes_file import load_prototypes
from streams.decision.decide import Decision, decide
from streams.decision.policy_file import load_policy
from tests.opened_files import LocalFiles

pytestmark = pytest.mark.integration

ABUSE = "go kill yourself you worthless piece of trash"
HARMLESS = "we finally found the old lighthouse"
FLASH_SECONDS = (3.0, 4.0)
LENGTH_SECONDS = 6
MODELS = {card_of_use(use).name for use in ("text-abuse", "text-meaning")}
FONT = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
NEXT_TO_CAPTION = "beside a caption that stands"
VIDEOS = {
    **{name: written(ABUSE) for name, written in EVASIONS.items()},
    NEXT_TO_CAPTION: ABUSE,
    "harmless": HARMLESS,
}
CAPTION_SEED, FLASH_SEED = 0, 1
"""They draw different heights of the picture."""


def layer(text: str, seed: int) -> np.ndarray:
    return text_layer(text, KINDS["plain"], FONT, 360, np.random.default_rng(seed))


def write_flash(path: Path, text: str, caption: str = "") -> None:
    """A picture that stands still, with text in one second of six; a caption is shown all the time."""
    blotches = np.random.default_rng(1).integers(40, 200, (5, 9, 3), dtype=np.uint8)
    ground = np.asarray(cv2.resize(blotches, (640, 360), interpolation=cv2.INTER_CUBIC))
    frames = [ground.copy() for _ in range(10 * LENGTH_SECONDS)]
    burn(frames, layer(text, FLASH_SEED), *FLASH_SECONDS)
    if caption:
        burn(frames, layer(caption, CAPTION_SEED), 0.0, LENGTH_SECONDS)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "22"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 640, 360
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signal]:
    """Each video analysed by the frames agent with the models of text alone."""
    folder = tmp_path_factory.mktemp("flashes")
    for number, (name, text) in enumerate(VIDEOS.items()):
        write_flash(folder / f"{number}.mp4", text, HARMLESS if name == NEXT_TO_CAPTION else "")
    fetch_weights(default_cache_dir())
    torch.set_num_threads(1)
    return asyncio.run(_analysed(folder))


async def _analysed(folder: Path) -> dict[str, Signal]:
    cards, cache_dir = {name: CARDS[name] for name in MODELS}, default_cache_dir()
    pool, host, text = DecoderPool(1), ThreadedHost(1), load_text_models(cache_dir)
    await pool.open()
    inference = await Inference.open(
        list(cards.values()),
        partial(load_module, cache_dir=cache_dir),
        open_backend("cpu", BackendConfig(num_threads=1)),
    )
    kept = PrivateCache(cache_dir / "compiled", 2**30)
    prototypes = await open_prototypes(load_prototypes(None), inference, text.sentence_tokens, kept)
    sessions, readers = MediaSessions(pool, LocalFiles(folder)), load_text_readers(cache_dir)
    found = {}
    try:
        for number, name in enumerate(VIDEOS):
            upload = VideoUploaded(video_id=name, source=FileSource(path=str(folder / f"{number}.mp4")))
            async with sessions.open(name, upload.source) as session:
                work = AgentWork(
                    upload=upload,
                    event_unix_seconds=0.0,
                    session=session,
                    inference=inference,
                    context=RequestContext(name, "live", float("inf")),
                    host=host,
                    text=text,
                    class_names=ClassNames((), ()),
                    cards=cards,
                    prototypes=prototypes,
                    readers=readers,
                )
                analysis = await AGENTS["frames"].analyse(work)
            origin = Provenance("fingerprint", 1, {})
            found[name] = ok_signal(AGENTS["frames"], upload, analysis, origin, now_unix_seconds=0.0)
    finally:
        await inference.close()
        await pool.close()
        host.close()
    return found


def decided(signal: Signal) -> Decision:
    """What the default policy does."""
    return decide(load_policy(None), [signal], ModalityStates(present=("frames",)), None)


@pytest.mark.parametrize("name", [*EVASIONS, NEXT_TO_CAPTION])
def test_abuse_is_sent_to_a_person(signals: dict[str, Signal], name: str) -> None:
    """The reason names the label, and the evidence the second in which it is shown."""
    decision = decided(signals[name])
    assert decision.action == "review"
    assert decision.reasons[0].label == ON_SCREEN_ABUSE
    evidence = next(label for label in decision.labels if label.label == ON_SCREEN_ABUSE)
    (segment,) = evidence.segments
    begin, end = FLASH_SECONDS
    assert begin - 1.0 <= segment.start_seconds < end
    assert begin < segment.end_seconds <= end + 1.0


def test_harmless_text_passes(signals: dict[str, Signal]) -> None:
    """It is read, and nothing is done."""
    assert signals["harmless"].features["visual.text_read_ratio"].value == 1.0
    assert decided(signals["harmless"]).action == "allow"
