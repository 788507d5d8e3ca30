"""Puts a signal's share of the common costs on its receipt."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from schemas.receipts import Receipt
from streams.analysis.agents.analysis import Analysis
from streams.costs.cpu_account import CpuAccount


def with_share(analysis: Analysis, account: CpuAccount) -> Analysis:
    """The same analysis; to be called within `account.signal`, once a signal."""
    return replace(analysis, receipt=receipt_with_share(analysis.receipt, account))


def receipt_with_share(receipt: Receipt, account: CpuAccount) -> Receipt:
    """The same receipt, likewise."""
    return msgspec.structs.replace(receipt, overhead_cpu_seconds=account.share(), power=account.power())
