"""The client id by which the broker distinguishes the members of one worker from all others."""

from __future__ import annotations


def client_id_of(worker_id: str) -> str:
    """Return the client id of a worker's consumers, the same in each group.

    A member id would change with every rejoin, and only the consumer itself knows it.
    """
    return f"vidsignal-{worker_id}"
