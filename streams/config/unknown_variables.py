"""Variables of the environment that begin like settings and are none: misspelt ones have no effect."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from schemas.near_names import near_word
from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.secret_files import PREFIX
from streams.config.settings import Settings, secret_names

_OTHERS: Final = ("CONFIG", "SECRETS_DIR", "CORPUS", "REQUIRE_CUDA", "REQUIRE_KAFKA", "TEST_KILLS", "WORKER_KILLS")
"""Names without prefix that are read and are no settings; the last four are of our tests."""
_OF_SERVICES: Final = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$")
"""Ends of names that Kubernetes sets in every container for a service called vidsignal-..."""
_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")
"""Beginning of the value of the remaining one."""


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return one line for each unknown variable, without its value; `environment` is the process's own if None.

    They are no error: a container may carry variables of another release.
    """
    variables = os.environ if environment is None else environment
    known = _known()
    names = {variable.upper(): variable for variable in variables if variable.upper().startswith(PREFIX)}
    return [
        _line(names[name], known)
        for name in sorted(names)
        if name.removeprefix(PREFIX) not in known and not _is_of_service(name, variables[names[name]])
    ]


def _known() -> frozenset[str]:
    settings = {name.upper() for name in (*Settings.__struct_fields__, *RENAMED_SETTINGS)}
    files = {f"{name.upper()}_FILE" for name in secret_names()}
    return frozenset(settings | files | set(_OTHERS))


def _is_of_service(name: str, value: str) -> bool:
    return bool(_OF_SERVICES.search(name) or (name.endswith("_PORT") and _ADDRESS.match(value)))


def _line(variable: str, known: frozenset[str]) -> str:
    near = near_word(variable.upper().removeprefix(PREFIX), known)
    meant = f"; did you mean {PREFIX}{near}?" if near else ""
    return f"variable {variable} is no setting and has no effect{meant}"
