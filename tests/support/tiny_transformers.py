"""Tiny models of the real architectures of `transformers`, saved as a hub hands them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.support.tiny_models import BLADE, files_of, word_tokenizer

_HEAD = """
name = "{name}"
version = "1.0.0"
purpose = "For a test."
source = "Made by a test."
licence = "Apache-2.0"
checked_on = "Nothing."

[input]
{input}

[model]
format = "transformers"
task = "{task}"
{folder}

[model.files]
{files}

"""
CLASSES = """
[[outputs]]
name = "scores"
kind = "scores"
activation = "softmax"

[[outputs.labels]]
class = "bad"
label = "{label}"
"""
PROMPTS = """
[[outputs]]
name = "scores"
kind = "scores"

[[outputs.prompts]]
label = "violence/weapons/blade-visible"
texts = ["a knife"]

[[outputs.prompts]]
label = "alcohol/drinking/alcohol-visible"
texts = ["a beer", "a drink"]

[[outputs]]
name = "embedding"
kind = "embedding"
space = "{name}/8"
"""
FRAME = 'kind = "frame"\nside_px = 32\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]'
WORDS = ("a", "knife", "beer", "drink", "photo", "you", "are", "awful", "nice")
_WORDS = {"id2label": {0: "good", 1: "bad"}, "label2id": {"good": 0, "bad": 1}}
_SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


def card_of(folder: Path, task: str, given: str, outputs: str, snapshot: str = "", **words: Any) -> Path:
    """Write the card of a saved model."""
    where = folder / snapshot if snapshot else folder
    known = {"name": folder.name, "label": BLADE, "task": task, "input": given, "files": files_of(where)}
    known["folder"] = f'folder = "{snapshot}"' if snapshot else ""
    path = folder / "card.toml"
    path.write_text((_HEAD + outputs).format(**{**known, **words}), encoding="utf-8")
    return path


def image_classifier(folder: Path) -> Path:
    """A ViT with two classes."""
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(image_size=32, patch_size=8, **_SMALL, **_WORDS)
    ViTForImageClassification(config).save_pretrained(folder / "snapshot")
    return card_of(folder, "image-classification", FRAME, CLASSES, "snapshot")


def text_classifier(folder: Path, max_tokens: int = 8) -> Path:
    """A BERT with two classes: bad where a text holds the word `awful`."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    word_tokenizer(folder / "tokenizer.json", WORDS)
    config = BertConfig(vocab_size=4 + len(WORDS), max_position_embeddings=64, **_SMALL, **_WORDS)
    BertForSequenceClassification(config).save_pretrained(folder)
    return card_of(folder, "text-classification", f'kind = "text"\nmax_tokens = {max_tokens}', CLASSES)


def audio_classifier(folder: Path) -> Path:
    """A wav2vec 2.0 with two classes."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2, classifier_proj_size=8,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, feat_extract_norm="layer", **_SMALL, **_WORDS,
    )  # fmt: skip
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    return card_of(folder, "audio-classification", 'kind = "audio"\nwindow_seconds = 0.5\nnormalise = true', CLASSES)


AST_INPUT = """kind = "audio"
window_seconds = 1.0

[input.log_mel]
kind = "kaldi"
mels = 32
frame_samples = 400
hop_samples = 160
frames = 112
mean = -4.2677393
std = 9.1379948"""
WHISPER_INPUT = """kind = "audio"
window_seconds = 1.0

[input.log_mel]
kind = "whisper"
mels = 80
frame_samples = 400
hop_samples = 160"""


def spectrogram_transformer(folder: Path) -> Path:
    """An AST with two classes, fed as its feature extractor would."""
    from transformers import ASTConfig, ASTForAudioClassification

    torch.manual_seed(0)
    config = ASTConfig(num_mel_bins=32, max_length=112, patch_size=16, **_SMALL, **_WORDS)
    ASTForAudioClassification(config).save_pretrained(folder)
    return card_of(folder, "audio-classification", AST_INPUT, CLASSES)


def whisper_classifier(folder: Path) -> Path:
    """The encoder of a Whisper with two classes, for windows of a second."""
    from transformers import WhisperConfig, WhisperForAudioClassification

    torch.manual_seed(0)
    config = WhisperConfig(
        num_mel_bins=80, d_model=8, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=8, decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=8, max_source_positions=50, classifier_proj_size=8, vocab_size=16,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, **_WORDS,
    )  # fmt: skip
    WhisperForAudioClassification(config).save_pretrained(folder)
    return card_of(folder, "audio-classification", WHISPER_INPUT, CLASSES)


CLIP_INPUT = """kind = "clip"
side_px = 32
frames = 4
stride = 2
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]"""


def video_classifier(folder: Path, given: str = CLIP_INPUT) -> Path:
    """A VideoMAE with two classes, for clips of four frames."""
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    torch.manual_seed(0)
    config = VideoMAEConfig(image_size=32, patch_size=8, num_frames=4, tubelet_size=2, **_SMALL, **_WORDS)
    VideoMAEForVideoClassification(config).save_pretrained(folder)
    return card_of(folder, "video-classification", given, CLASSES)


BOXES = """
[[outputs]]
name = "pred_boxes"
kind = "boxes"
scores = "logits"
activation = "softmax"
background = "last"
coordinates = "cxcywh"
threshold = 0.1

[[outputs.labels]]
class = "bad"
label = "{label}"

[[outputs]]
name = "logits"
kind = "other"
"""
TEXT = """
[[outputs]]
name = "logits"
kind = "text"
"""
CROP = 'kind = "crop"\nof = "{of}"\nside_px = 32\nresize = "squash"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]'


def detector(folder: Path) -> Path:
    """A YOLOS with two classes and five boxes a frame."""
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    config = YolosConfig(image_size=[32, 32], patch_size=8, num_detection_tokens=5, **_SMALL, **_WORDS)
    YolosForObjectDetection(config).save_pretrained(folder)
    return card_of(folder, "object-detection", FRAME, BOXES)


def part_classifier(folder: Path, of: str) -> Path:
    """A ViT with two classes, for what another model found."""
    image_classifier(folder)
    return card_of(folder, "image-classification", CROP.format(of=of), CLASSES, "snapshot")


def speech_reader(folder: Path) -> Path:
    """A wav2vec 2.0 that writes what it hears, of a few letters."""
    import json

    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2, vocab_size=8,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, feat_extract_norm="layer", **_SMALL,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", "a", "b", "c"]
    (folder / "vocab.json").write_text(json.dumps({token: column for column, token in enumerate(tokens)}))
    return card_of(folder, "audio-ctc", 'kind = "audio"\nwindow_seconds = 0.5\nnormalise = true', TEXT)


def image_text(folder: Path, kind: str, outputs: str = PROMPTS) -> Path:
    """A CLIP, a SigLIP, or a SigLIP 2 that takes patches."""
    import transformers

    torch.manual_seed(0)
    ends = ("[BOS]", "[EOS]")
    word_tokenizer(folder / "tokenizer.json", WORDS, ends)
    text = {**_SMALL, "vocab_size": 4 + len(WORDS), "max_position_embeddings": 16}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    vision = {**_SMALL, "image_size": 32, "patch_size": 8}
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
        transformers.CLIPModel(config).save_pretrained(folder)
    elif kind == "siglip2":
        many = {**_SMALL, "num_patches": 16, "patch_size": 8}
        config = transformers.Siglip2Config(text_config={**text, "projection_size": 8}, vision_config=many)
        transformers.Siglip2Model(config).save_pretrained(folder)
    else:
        config = transformers.SiglipConfig(text_config={**text, "projection_size": 8}, vision_config=vision)
        transformers.SiglipModel(config).save_pretrained(folder)
    return card_of(folder, "image-text", FRAME, outputs)
