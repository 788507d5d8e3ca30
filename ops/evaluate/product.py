"""What the product says of files: analysed as by `vidsignal analyze`, with all agents and models."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ops.evaluate.judgements import PRODUCT, MethodSpent
from ops.local_analysis_session import open_local_analysis
from ops.source_argument import make_upload
from schemas.evidence import JUDGED, TextFound
from schemas.facts import Signal
from schemas.identity import MODALITIES, Modality
from streams.config.settings import Settings, read_settings
from streams.decision.cost import Prices, price


@dataclass(frozen=True, slots=True)
class Analysed:
    """One file."""

    item: str
    signals: tuple[Signal, ...]
    cpu_seconds: float
    """Of the decode, the operators, the models, and the share of what files have in common."""
    texts: tuple[TextFound, ...] = ()
    """What models read or heard in it."""

    @property
    def problem(self) -> str:
        """Why a modality failed; empty if none did."""
        failed = [signal for signal in self.signals if signal.status == "failed"]
        return "; ".join(signal.failure.message if signal.failure else signal.modality for signal in failed)

    def score_of(self, label: str) -> float:
        """Return the highest score of a label by any model, a judge's answers apart; 0 if none says it."""
        labels = (each for signal in self.signals for each in signal.labels if each.label == label)
        return max((each.score for each in labels if each.held_back != JUDGED), default=0.0)

    def times_of(self, label: str, least_score: float) -> tuple[float, ...]:
        """Return the middles of the segments in which a label reaches a score, ascending."""
        evidence = [each for signal in self.signals for each in signal.labels if each.label == label]
        segments = [segment for each in evidence for segment in each.segments if segment.score >= least_score]
        return tuple(sorted({(segment.start_seconds + segment.end_seconds) / 2 for segment in segments}))

    def text_of(self, model: str) -> str:
        """Return what a model read or heard, in order of time, each line once."""
        lines = [found.text for found in self.texts if found.model.partition("@")[0] == model]
        return " ".join(dict.fromkeys(lines))

    def words_of(self, *models: str) -> str:
        """Return all that some models read or heard, in order of time, repetitions included."""
        return " ".join(found.text for found in self.texts if found.model.partition("@")[0] in models)

    def model_cpu_seconds(self, model: str) -> float:
        """Return the CPU time of one model, as the receipts have it; 0 if it was not asked."""
        receipts = (signal.receipt.models.get(model) for signal in self.signals)
        return math.fsum(found.cpu_seconds for found in receipts if found)

    def feature(self, name: str) -> object:
        """Return the value of a feature; None without it."""
        return next((signal.features[name].value for signal in self.signals if name in signal.features), None)


class Analyse(Protocol):
    """Analyses files; `analysed` does."""

    def __call__(
        self, files: Mapping[str, Path], on_item: Callable[[], None], fields: Mapping[str, Mapping[str, object]]
    ) -> list[Analysed]:
        """Return what is said of each file, in their order."""


def analysed(
    files: Mapping[str, Path],
    on_item: Callable[[], None] = lambda: None,
    fields: Mapping[str, Mapping[str, object]] | None = None,
    *,
    modalities: Collection[Modality] = MODALITIES,
    settings: Mapping[str, object] | None = None,
) -> list[Analysed]:
    """Analyse files with the settings of the environment, and return what was said of each, in their order.

    Args:
        files: by item.
        on_item: called after each.
        fields: further fields of the upload, such as its title, by item.
        modalities: whose agents run.
        settings: that differ from the environment's.

    Raises:
        InvalidSettings, CardInvalid, WeightsMissing, WeightsCorrupt, InvalidPolicy, DeviceFault, InternalError: as
            `open_local_analysis` says.
    """
    roots = ",".join(sorted({str(path.resolve().parent) for path in files.values()}))
    found = read_settings(**{**(settings or {}), "media_roots": roots})
    return asyncio.run(_analysed(files, on_item, fields or {}, modalities, found))


async def _analysed(
    files: Mapping[str, Path],
    on_item: Callable[[], None],
    fields: Mapping[str, Mapping[str, object]],
    modalities: Collection[Modality],
    settings: Settings,
) -> list[Analysed]:
    prices = Prices.from_settings(settings)
    async with open_local_analysis(settings) as (analysis, _device):

        async def one(item: str, path: Path) -> Analysed:
            upload = make_upload(str(path), dict(fields.get(item, {})))
            found = await analysis.findings_of(upload, modalities)
            on_item()
            signals, texts = [signal for signal, _ in found], tuple(text for _, texts in found for text in texts)
            return Analysed(item, tuple(signals), _cpu_seconds(signals, prices), texts)

        return await asyncio.gather(*(one(item, path) for item, path in files.items()))


def _cpu_seconds(signals: Sequence[Signal], prices: Prices) -> float:
    return math.fsum(price(signals, prices).cpu_seconds_by_stage.values())


def spent(found: Iterable[Analysed], media_seconds: float = 0.0) -> MethodSpent:
    """Return what the product used for all of them."""
    files = list(found)
    return MethodSpent(PRODUCT, math.fsum(each.cpu_seconds for each in files), media_seconds, len(files))
