"""What to do about an address that cannot be listened on."""

from __future__ import annotations

import errno


def port_remedy(error: OSError, variable: str) -> str:
    """Return what to do, by the setting's variable."""
    if error.errno == errno.EADDRINUSE:
        return f"set {variable} to a free port, or to 0 for any; `ss -ltnp` says who listens"
    return f"name an address of this machine, and a port that users may take, in {variable}"
