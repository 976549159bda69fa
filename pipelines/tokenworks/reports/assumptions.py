"""What the figures mean and what they assume, in words.

Here belongs text that both the workbook and the page print, so that a figure never travels without
its definition.
"""

from __future__ import annotations

from tokenworks.reports.chargeback import POLICY, POLICY_TEXT

DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("Window", "Calendar month of UTC hours, half open: [first hour, first hour of next month)."),
    (
        "Ledger",
        (
            "Every billed amount of the month in exactly one of: served, waste, idle, overhead, "
            "unattributed. The categories sum to the bills' share of the month. Billed currencies "
            "stand apart and are never added."
        ),
    ),
    ("Served", "Cost of the seconds in which a replica ran requests that succeeded."),
    ("Waste", "The same for requests that failed or were cancelled."),
    (
        "Idle",
        (
            "Cost of GPU time without a request to run, by cause: unallocated (no replica holds the "
            "GPU), not ready (loading, stopped or failed), ready empty (nothing to do)."
        ),
    ),
    ("Overhead", "Network, storage, software and other charges that belong to no GPU."),
    ("Unattributed", "Cost that no rule could place; it is shown, never spread."),
    (
        "Cost of a request",
        (
            "Busy cost of its deployment and hour, split by phase-weighted tokens: uncached input by "
            "prefill seconds, cached input by cache-read seconds, output by decode seconds per token."
        ),
    ),
    (
        "USD per million, marginal",
        "Energy above idle power alone: what one more request costs while there is slack.",
    ),
    ("USD per million, active", "Busy cost divided by tokens; idle and overhead are excluded."),
    (
        "USD per million, fully loaded",
        (
            "All cost of the segment, idle and overhead included, divided by tokens. A token class "
            "carries idle and overhead in proportion to its active cost."
        ),
    ),
    (
        "USD per million, list",
        "What the same tokens cost at the public list price of the model served.",
    ),
    (
        "Ratios",
        "Always sums of the month divided by sums of the month, never means of daily ratios.",
    ),
    ("Idle share", "Idle cost divided by active plus idle cost; overhead is in neither."),
    (f"Chargeback policy: {POLICY}", POLICY_TEXT),
    (
        "Rounding",
        (
            "Amounts are posted in the currency's minor unit by the largest remainder, ties by key, "
            "so that parts sum to their total exactly. Unit costs are not rounded."
        ),
    ),
    (
        "Percentiles",
        (
            "Exact, from the month's requests, linearly interpolated. p95 needs 20 events and p99 "
            "needs 100; fewer is shown as unknown. First tokens count for every attempt that sent "
            "one; the other measures count successes. Answers of a gateway's cache are left out."
        ),
    ),
    (
        "Utilisation",
        (
            "GPU-hours assigned, ready and busy, each against the rung before it, then the share of "
            "batch slots filled while busy. GPU gauges are means over assigned hours."
        ),
    ),
    (
        "Energy",
        (
            "Accelerator: the GPUs' own energy, idle included. Facility: with cooling and losses, "
            "by meter or PUE. Carbon is location-based on facility energy."
        ),
    ),
    (
        "Unknown",
        (
            "A value that nobody measured stays unknown. It is counted under data quality and is "
            "never shown as zero."
        ),
    ),
)
