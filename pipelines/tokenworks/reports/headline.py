"""The headline table: what a million tokens cost, how idle the fleet was, how fast it answered.

Plain data by tier and region, for the page, the workbook and the command line. No formatting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tokenworks.reports.operations import SEGMENT, Latency, latencies, p95_ttft
from tokenworks.reports.read import Marts
from tokenworks.reports.unit_cost import SegmentCost, unit_costs


@dataclass(frozen=True)
class HeadlineRow:
    """One tier in one region over a month; None is unknown, never zero.

    Attributes:
        tier: tier, empty where no deployment is known.
        region: region, empty where it is not known.
        usd_per_m_input_uncached: dollars per million uncached input tokens, fully loaded.
        usd_per_m_input_cache_read: dollars per million cached input tokens, fully loaded.
        usd_per_m_output: dollars per million output tokens, fully loaded.
        usd_per_m_output_active: the same without idle and overhead.
        idle_share: idle cost divided by active plus idle cost.
        p95_ttft_seconds: exact 95th percentile of the time to first token.
        request_count: requests of the segment.
        ttft_count: first tokens that the percentile stands on.
    """

    tier: str
    region: str
    usd_per_m_input_uncached: Decimal | None
    usd_per_m_input_cache_read: Decimal | None
    usd_per_m_output: Decimal | None
    usd_per_m_output_active: Decimal | None
    idle_share: Decimal | None
    p95_ttft_seconds: float | None
    request_count: int | None
    ttft_count: int


def headline(marts: Marts) -> tuple[HeadlineRow, ...]:
    """The headline table of a month, read straight from its marts."""
    return headline_rows(unit_costs(marts.unit_cost, SEGMENT), latencies(marts.requests))


def headline_rows(
    segments: Sequence[SegmentCost], found: Sequence[Latency]
) -> tuple[HeadlineRow, ...]:
    """The headline table from costs and latencies by tier and region.

    A segment without a request, such as the idle cost of GPUs that no deployment holds, has no
    unit cost and no row here; the ledger shows its dollars.
    """
    return tuple(_row(segment, found) for segment in segments if segment.request_count)


def _row(segment: SegmentCost, found: Sequence[Latency]) -> HeadlineRow:
    tier, region = segment.key
    seconds, count = p95_ttft(found, tier, region)
    loaded = {cost.token_class: cost.usd_per_million("fully_loaded") for cost in segment.classes}
    return HeadlineRow(
        tier=tier,
        region=region,
        usd_per_m_input_uncached=loaded["input_uncached"],
        usd_per_m_input_cache_read=loaded["input_cache_read"],
        usd_per_m_output=loaded["output"],
        usd_per_m_output_active=segment.of_class("output").usd_per_million("active"),
        idle_share=segment.idle_share,
        p95_ttft_seconds=seconds,
        request_count=segment.request_count,
        ttft_count=count,
    )
