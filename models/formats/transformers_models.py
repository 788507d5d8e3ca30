"""Architectures of `transformers`, from a folder with a configuration and safetensors; nothing is asked of a hub.

The package comes with `vidsignal[transformers]`. Its import takes long: it is done here, where a card asks for it.
"""

from __future__ import annotations

import os
from typing import Any, Final

from torch import Tensor, nn

from models.added_files import configuration
from models.card import Card, ModelSource, Task
from models.card_errors import refuse
from models.formats.zero_shot import zero_shot
from models.model_input import TextInput
from models.text_pieces import read_tokenizer

AUTO_CLASSES: Final[dict[Task, str]] = {
    "image-classification": "AutoModelForImageClassification",
    "object-detection": "AutoModelForObjectDetection",
    "video-classification": "AutoModelForVideoClassification",
    "audio-ctc": "AutoModelForCTC",
    "audio-classification": "AutoModelForAudioClassification",
    "text-classification": "AutoModelForSequenceClassification",
    "image-text": "AutoModel",
}
"""By what a model does, the class of `transformers` that builds its architecture from its configuration."""


class SignalClassifier(nn.Module):
    """A classifier of pictures, clips or sounds, or of each step of a sound; answers its logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Tensor) -> Tensor:
        """(N, K) logits, or (N, T, V)."""
        logits: Tensor = self.model(batch).logits
        return logits


class Detector(nn.Module):
    """A detector of objects; answers `logits` and `pred_boxes`, as `transformers` names them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """(N, B, K) logits and (N, B, 4) boxes."""
        found = self.model(batch)
        return {"logits": found.logits, "pred_boxes": found.pred_boxes}


class TextClassifier(nn.Module):
    """A classifier of texts; answers its logits."""

    def __init__(self, model: nn.Module, pad_id: int) -> None:
        super().__init__()
        self.model = model
        self._pad_id = pad_id

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, K) logits of (N, T) tokens."""
        logits: Tensor = self.model(input_ids=tokens, attention_mask=tokens.ne(self._pad_id).long()).logits
        return logits


def load_transformers(card: Card, source: ModelSource) -> nn.Module:
    """The architecture of a card behind the face that `AddedModel` works with. Raises CardInvalid."""
    if source.task == "image-text":
        return zero_shot(card, source, load_pretrained(source))
    model = load_pretrained(source)
    if source.task == "object-detection":
        return Detector(model)
    if not isinstance(card.prepared, TextInput):
        return SignalClassifier(model)
    return TextClassifier(model, read_tokenizer(source, card.prepared).pad_id)


def load_pretrained(source: ModelSource) -> nn.Module:
    """Build the architecture that a verified folder names, with all of its weights.

    Raises:
        ImportError: `transformers` is not installed.
        CardInvalid: the weights are not those of the architecture.
    """
    configuration(source)
    transformers = _transformers()
    auto = getattr(transformers, AUTO_CLASSES[source.task])
    model, said = auto.from_pretrained(
        source.card_path.parent / source.folder,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
        dtype="float32",
        attn_implementation="eager",  # a configuration may name kernels to fetch
    )
    wrong = [name for key in ("missing_keys", "mismatched_keys") for name in map(str, said.get(key, ()))]
    if wrong:
        allowed = "weights of all that the configuration names; others would be random"
        raise refuse(source.card_path, "model.files", f"without {', '.join(sorted(wrong)[:4])}", allowed)
    built: nn.Module = model.eval().requires_grad_(False)
    return built


def _transformers() -> Any:
    # Before the import, which reads it: an architecture may otherwise ask a hub for a backbone of its own.
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers

    package: Any = transformers
    package.logging.set_verbosity_error()
    package.logging.disable_progress_bar()
    return package
