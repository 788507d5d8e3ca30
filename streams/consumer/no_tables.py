"""Faust's tables for an app that has none: what starts consuming after a rebalance is `streams.consumer.flow`."""

from __future__ import annotations

from faust.tables import TableManager
from faust.types import TP


class NoTables(TableManager):
    """Recovers nothing, and so resumes nothing.

    Stock Faust resumes every consumer in its recovery of tables, which ends for good after one slow seek. It would
    also empty the agents' queues whenever it comes to it, after `Flow` filled them.
    """

    async def on_start(self) -> None:
        """Say that all tables are known."""
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Nothing is to be recovered."""
        del assigned, revoked, newly_assigned, generation_id
        self._recovery_started.set()
