"""The name by which the broker tells the members of one worker from all others."""

from __future__ import annotations


def client_id_of(worker_id: str) -> str:
    """Client id of a worker's consumers, one in each group.

    A member id would change with every rejoin, and only the consumer itself knows it.
    """
    return f"vidsignal-{worker_id}"
