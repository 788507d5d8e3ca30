"""A card: everything a stranger must know of a model before trusting a number that it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Modality = Literal["frames", "audio", "motion", "context"]
Precision = Literal["float32", "bfloat16"]
Dtype = Literal["uint8", "float32", "int64"]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file inside a published package."""

    package: str
    """Distribution name and the exact version, `name==version`."""
    member: str
    """Path inside the wheel."""
    sha256: str
    """Of the extracted file, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """How an output of the model becomes a label of the taxonomy."""

    output_label: str
    """The model's own word, such as AudioSet's `Gunshot, gunfire`."""
    label: str
    """A label of `schemas.labels`."""


@dataclass(frozen=True, slots=True)
class Card:
    """A model's manifest entry; see `models.card_registry`.

    Batched models take `(N, *input_shape)` of `input_dtype` and return one float32 array per name in `outputs`.
    """

    name: str
    version: str
    modality: Modality
    purpose: str
    source: str
    """Where the architecture and the training come from: paper, project, organisation."""
    licence: str
    """SPDX expression of the weights, with a remark where a package leaves it unsaid."""
    files: tuple[WeightFile, ...]
    input_shape: tuple[int, ...]
    input_dtype: Dtype
    input_description: str
    outputs: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    """The only batch sizes that a device ever sees, ascending."""
    precisions: tuple[Precision, ...]
    """What the model may run in; the first that the device offers is taken."""
    generation: int
    """Grows with every model that replaces another of the same purpose; decides which signal wins."""
    checked_on: str
    """What was run to believe it, and what was not."""
    bfloat16_note: str = ""
    """Measured difference to float32 where bfloat16 is allowed."""
    embedding_space: str | None = None
    """Name of the space of its embedding; vectors of different spaces are never compared."""
    labels: tuple[LabelSource, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Short text that changes when the weights change."""
        return f"{self.name}@{self.version}:" + ",".join(file.sha256[:12] for file in self.files)
