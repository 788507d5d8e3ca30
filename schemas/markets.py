"""The markets: ISO 3166-1 alpha-2, and XK, which is in use for Kosovo."""

from __future__ import annotations

from typing import Final

from schemas.near_names import near_word

_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)

MARKETS: Final[frozenset[str]] = frozenset(_CODES.split())
"""An upload may name any two letters; metrics by market use these, so that their number is limited."""

MARKET_WORDS: Final = "two capital letters, an ISO 3166-1 alpha-2 country code such as DE"
_OTHER_NAMES: Final[dict[str, str]] = {"UK": "GB", "EL": "GR", "EN": "GB", "JA": "JP", "KO": "KR", "CS": "CZ"}
"""Common wrong codes of a market, some of them languages, and the right code."""


def near_market(found: object) -> str | None:
    """Return the market that was likely meant by another text; None if there is none."""
    if not isinstance(found, str):
        return None
    return _OTHER_NAMES.get(found.upper()) or near_word(found.upper(), MARKETS)
