"""Labels from sentences: a model of pictures and texts scores how well a frame fits what describes a label.

Sources: Radford et al., CLIP, ICML 2021; Zhai et al., SigLIP, ICCV 2023; Tschannen et al., SigLIP 2, 2025. CLIP's
scores compete, so each label is held against sentences for anything else (the card's background) and never against
other labels: adding a label changes no score of another. SigLIP's do not compete. Neither is a probability of the label
before a card's calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.card import Card, ModelSource
from models.card_errors import refuse
from models.text_pieces import load_tokenizer

MODEL_TYPES: Final = ("clip", "siglip", "siglip2")
"""SigLIP 2 with one fixed resolution calls itself siglip; siglip2 is the variant that takes patches, NaFlex."""


class PatchTower(nn.Module):
    """A tower that takes a picture as a sequence of patches of any number, given squares of one size."""

    def __init__(self, vision: Any, patch_px: int) -> None:
        super().__init__()
        self.vision = vision
        self._patch_px = patch_px

    def forward(self, pixel_values: Tensor) -> Any:
        """(N, 3, H, W), in which both sides are a number of patches."""
        num_rows, side = len(pixel_values), self._patch_px
        height, width = (int(length) // side for length in pixel_values.shape[2:])
        cut = pixel_values.reshape(num_rows, 3, height, side, width, side).permute(0, 2, 4, 3, 5, 1)
        patches = cut.reshape(num_rows, height * width, -1)
        shapes = torch.tensor([[height, width]], device=patches.device).expand(num_rows, 2)
        seen = torch.ones(patches.shape[:2], dtype=torch.int64, device=patches.device)
        return self.vision(pixel_values=patches, pixel_attention_mask=seen, spatial_shapes=shapes)


class ZeroShot(nn.Module):
    """Scores (N, L) and embeddings (N, D) of pictures, for L labels.

    Args:
        model: with both towers; the one for texts is not kept.
        vision: its tower for pictures, which takes (N, 3, H, W).
        labels: (L, D) unit vectors of the labels.
        background: (B, D) unit vectors of what else there may be; without rows where scores do not compete.
        outputs: for each output of the card whether it is the scores; the other one is the embedding.
    """

    def __init__(
        self, model: Any, vision: nn.Module, labels: Tensor, background: Tensor, outputs: Sequence[bool]
    ) -> None:
        super().__init__()
        self.vision: Any = vision
        self.projection: nn.Module = getattr(model, "visual_projection", None) or nn.Identity()
        bias = getattr(model, "logit_bias", None)
        self.labels: Tensor
        self.background: Tensor
        self.scale: Tensor
        self.bias: Tensor
        self.register_buffer("labels", labels)
        self.register_buffer("background", background)
        self.register_buffer("scale", model.logit_scale.detach().exp().reshape(()))
        self.register_buffer("bias", torch.zeros(()) if bias is None else bias.detach().reshape(()))
        self._outputs = tuple(outputs)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """In the order of the card's outputs."""
        pooled: Tensor = self.vision(pixel_values=pixels).pooler_output
        pictures = functional.normalize(self.projection(pooled), dim=1)
        return [self._scores(pictures) if is_scores else pictures for is_scores in self._outputs]

    def _scores(self, pictures: Tensor) -> Tensor:
        logits = self._logits(pictures, self.labels)
        if not len(self.background):
            return logits.sigmoid()
        others = self._logits(pictures, self.background).logsumexp(dim=1, keepdim=True)
        return (logits - others).sigmoid()

    def _logits(self, pictures: Tensor, texts: Tensor) -> Tensor:
        return self.scale * pictures @ texts.T + self.bias


def zero_shot(card: Card, source: ModelSource, model: Any) -> nn.Module:
    """Describe a card's labels to its model.

    Raises:
        CardInvalid: the architecture is another one, or a sentence is too long for it.
    """
    kind = model.config.model_type
    if kind not in MODEL_TYPES:
        raise refuse(source.card_path, "model.task", f"image-text with {kind}", f"{', '.join(MODEL_TYPES)}")
    name = f"{source.folder}/tokenizer.json"
    tokenizer = load_tokenizer(source, next(file for file in source.files if file.path == name))
    describe = _Describer(source, model, tokenizer, is_siglip=kind != "clip")
    with torch.inference_mode():
        labels = torch.stack([describe.mean_of(prompts.texts) for prompts in source.prompts])
        background = torch.stack([describe.vector_of(text) for text in source.background]) if kind == "clip" else None
    outputs = [card.scores is not None and index == card.scores.index for index in range(len(card.outputs))]
    nothing = torch.zeros((0, labels.shape[1]))
    vision = _vision(card, source, model)
    others = nothing if background is None else background
    # Copies: tensors of inference mode may not be cast and moved like others.
    return ZeroShot(model, vision, labels.clone(), others.clone(), outputs).eval()


def _vision(card: Card, source: ModelSource, model: Any) -> nn.Module:
    vision: nn.Module = model.vision_model
    if model.config.model_type != "siglip2":
        return vision
    side_px, patch_px = card.input_shape[0], int(model.config.vision_config.patch_size)
    if side_px % patch_px:
        raise refuse(source.card_path, "input.side_px", side_px, f"a multiple of {patch_px}, the side of its patches")
    return PatchTower(vision, patch_px)


class _Describer:
    """Turns sentences into unit vectors."""

    def __init__(self, source: ModelSource, model: Any, tokenizer: Tokenizer, *, is_siglip: bool) -> None:
        self._source = source
        self._model = model
        self._is_lowered = is_siglip
        self._max_tokens: int = model.config.text_config.max_position_embeddings
        tokenizer.no_truncation()
        tokenizer.no_padding()
        if is_siglip:  # as it was trained: the last place speaks for the sentence, and texts are in lower case
            tokenizer.enable_padding(length=self._max_tokens, pad_id=model.config.text_config.pad_token_id or 0)
        self._tokenizer = tokenizer

    def vector_of(self, text: str) -> Tensor:
        """(D,) of one sentence."""
        ids = self._tokenizer.encode(text.lower() if self._is_lowered else text).ids
        if len(ids) > self._max_tokens:
            allowed = f"sentences of at most {self._max_tokens} tokens; this one has {len(ids)}"
            raise refuse(self._source.card_path, "outputs.prompts", text, allowed)
        found = self._model.get_text_features(input_ids=torch.tensor([ids]))
        pooled: Tensor = found if isinstance(found, Tensor) else found.pooler_output
        return functional.normalize(pooled, dim=1)[0]

    def mean_of(self, texts: Sequence[str]) -> Tensor:
        """(D,) of several sentences for one label."""
        return functional.normalize(torch.stack([self.vector_of(text) for text in texts]).mean(0), dim=0)
