"""The taxonomy: moderation labels in three levels, `area/group/label`.

A policy usually decides by level 1; a model reports level 3. Labels that no installed model can produce are included: a
platform's policy needs their names, and `vidsignal models coverage` lists them as uncovered.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TAXONOMY: Final[dict[str, dict[str, dict[str, str]]]] = {
    "sexual": {
        "explicit": {
            "nudity": "Nudity or sexual acts, photographic.",
            "drawn-nudity": "Nudity or sexual acts in drawings or animation.",
        },
        "suggestive": {"swimwear-or-underwear": "People in revealing clothes."},
    },
    "violence": {
        "weapons": {
            "firearm-visible": "A firearm can be seen.",
            "blade-visible": "A knife, sword or axe can be seen as a weapon.",
            "gunfire-heard": "Gunshots can be heard.",
            "firearm-use": "A firearm is seen and gunshots are heard at about the same time.",
        },
        "explosion": {
            "explosion-heard": "An explosion can be heard.",
            "explosion-visible": "An explosion or large fire can be seen.",
        },
        "distress": {
            "screaming-heard": "Screaming can be heard.",
            "cries-heard": "Groans, yells, wails or screams can be heard.",
        },
        "emergency": {"siren-heard": "A siren of police, ambulance, fire brigade or civil defence can be heard."},
        "gore": {"blood-visible": "Blood, wounds or corpses can be seen."},
        "physical": {"fight-visible": "People fight or hurt one another."},
        "threats": {
            "threat-in-text": "The title or description threatens somebody.",
            "armed-threat": "The text threatens somebody, and a firearm is seen or heard.",
        },
    },
    "hate-and-harassment": {
        "abusive-language": {
            "toxic-text": "Rude or disrespectful text.",
            "severely-toxic-text": "Very hateful or aggressive text.",
            "abusive-speech": "Abuse is spoken.",
            "abusive-text-on-screen": "Abuse can be read in the picture.",
        },
        "insults": {"insult-in-text": "The text insults somebody."},
        "identity-attack": {
            "identity-attack-in-text": "The text attacks people for who they are.",
            "hate-symbol-visible": "A hate symbol can be seen.",
        },
    },
    "profanity": {
        "obscenity": {
            "obscene-text": "Obscene words in the text.",
            "offensive-text": "Offensive words in the text, by a second model.",
        },
    },
    "self-harm": {"depiction": {"self-harm-visible": "Self-harm or its traces can be seen."}},
    "child-safety": {"known-content": {"known-hash-match": "The media matches a bank of known illegal content."}},
    "extremism": {"promotion": {"extremist-content": "Promotes a violent organisation or act."}},
    "drugs-and-tobacco": {
        "drugs": {"drug-use-visible": "Drug use can be seen."},
        "tobacco": {"smoking-visible": "Smoking or vaping can be seen."},
    },
    "alcohol": {"drinking": {"alcohol-visible": "Alcoholic drinks can be seen."}},
    "gambling": {"betting": {"gambling-visible": "Gambling can be seen."}},
    "deception": {
        "spam": {"spam-text": "Text made to lure or mislead."},
        "synthetic-media": {"generated-person": "A real person is imitated by generated media."},
    },
}
"""Area -> group -> label -> its meaning, in words for reviewers."""

OWN_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"{area}/{group}/{label}": meaning
        for area, groups in TAXONOMY.items()
        for group, labels in groups.items()
        for label, meaning in labels.items()
    }
)
"""Every level-3 label of the taxonomy by its full name."""

LABELS: Final[dict[str, str]] = dict(OWN_LABELS)
"""The same, and the labels that a platform adds; see `add_labels`."""

LABEL_PATHS: Final[set[str]] = set()
"""Every name of all three levels, which a policy may use."""


def add_labels(labels: Mapping[str, str]) -> None:
    """Add a platform's labels, meanings by full name, to the taxonomy's own; replaces those that were added before.

    Called when settings are read, which comes before any card or policy.
    """
    LABELS.clear()
    LABELS.update(OWN_LABELS)
    LABELS.update(labels)
    LABEL_PATHS.clear()
    LABEL_PATHS.update(path for label in LABELS for path in paths_of(label))


def paths_of(label: str) -> tuple[str, ...]:
    """Return a label's name and those of its levels above, the most specific first; of any text, known or not."""
    parts = label.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(len(parts), 0, -1))


add_labels({})
