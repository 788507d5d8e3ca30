"""What the agents of one upload found, for the one that asks a chat model about all of it.

Otherwise agents do not wait for each other. Who waits here limits the time: an agent whose signal was claimed before
does not run again, and tells nothing.
"""

from __future__ import annotations

import asyncio

from schemas.identity import Modality
from streams.analysis.agents.analysis import Analysis


class Findings:
    """Belongs to one upload and one event loop; each agent ends its own part, with or without an analysis."""

    def __init__(self) -> None:
        self._found: dict[Modality, asyncio.Future[Analysis | None]] = {}

    def end(self, modality: Modality, analysis: Analysis | None = None) -> None:
        """State what an agent found, None for nothing; the first statement of each stays."""
        found = self._of(modality)
        if not found.done():
            found.set_result(analysis)

    async def of(self, modality: Modality, seconds: float) -> Analysis | None:
        """Return what an agent found; None if it found nothing, or did not end within the time."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await asyncio.shield(self._of(modality))
        except TimeoutError:
            return None

    def _of(self, modality: Modality) -> asyncio.Future[Analysis | None]:
        if modality not in self._found:
            self._found[modality] = asyncio.get_running_loop().create_future()
        return self._found[modality]
