"""What the figures mean and what they assume, in words.

Here belongs text that both the workbook and the page print, so that a figure never travels without
its definition.
"""

from __future__ import annotations

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "Window",
        "Month or fiscal period of UTC hours, half open: [first hour, first hour of the next).",
    ),
    (
        "Ledger",
        (
            "Every billed amount of the month in exactly one of: served, waste, idle, overhead, "
            "unattributed. The categories sum to the bills' share of the month. Billed currencies "
            "stand apart and are never added."
        ),
    ),
    ("Served", "Cost of the seconds in which a replica ran requests that succeeded."),
    (
        "Waste",
        (
            "The same for requests that failed, were cancelled or that another attempt made good (retried), "
            "and of those that succeeded what was computed twice (preempted) or in vain (rejected drafts)."
        ),
    ),
    (
        "Idle",
        (
            "Cost of GPU time without a request to run, by cause: unallocated (no replica holds the "
            "GPU, or nobody used what was committed to), not ready (loading, stopped or failed), ready empty (nothing to do), headroom (what a "
            "fuller batch could have carried, where the fleet counts it), unobserved (billed hours of which no record says anything: unknown rather than idle)."
        ),
    ),
    ("Overhead", "Network, storage, software and other charges that belong to no GPU."),
    ("Unattributed", "Cost that no rule could place; it is shown, never spread."),
    (
        "Cost of a request",
        (
            "Busy cost of its deployment and hour, split by the deployment's method, which the sheet Data "
            "quality names beside each amount. Phase-weighted, unless fleet.yaml says otherwise: uncached "
            "input by prefill seconds, cached input by cache-read seconds, output by decode seconds per token."
        ),
    ),
    (
        "USD per million, marginal",
        "Energy above idle power alone: what one more request costs while there is slack.",
    ),
    ("USD per million, active", "Busy cost, waste included, divided by tokens served."),
    (
        "USD per million, fully loaded",
        (
            "All cost of the segment divided by tokens served: active, its own idle, and as overhead "
            "its part of shared charges, unallocated GPUs and unattributed cost. A token class "
            "carries them in proportion to its active cost."
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
    ("Idle share", "Idle cost over active plus idle cost of the segment's own deployments."),
    (
        "Chargeback",
        (
            "Served cost and waste are a tenant's own; idle and overhead follow the period's policy, "
            "which stands above the chargeback and in every row of rpt_chargeback."
        ),
    ),
    (
        "Variance",
        (
            "Against the period of the same calendar before, one thing at a time: all tokens (volume), their mix, "
            "held GPU-hours per token (efficiency), dollars per GPU-hour at last period's exchange "
            "rates (price), the rates (FX), segments that came or went. The effects sum to the "
            "change exactly; GPUs that no deployment holds are a segment of their own."
        ),
    ),
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
            "Exact, from the month's requests, linearly interpolated, never from daily percentiles. "
            "They stand on requests that succeeded; the number of events is beside them. p99 needs "
            "100 events; fewer is shown as a dash."
        ),
    ),
    (
        "Utilisation",
        (
            "GPU-hours assigned, ready and busy, each against the rung before it, then the share of "
            "batch slots filled while busy. GPU gauges are means over the hours that they were measured."
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
        "Measured, estimated, unknown",
        (
            "Cost is estimated where time stands in for energy that no meter or GPU reported, and "
            "unknown where it is unattributed or its hours were not observed; all else is measured."
        ),
    ),
    (
        "Unknown",
        (
            "A value that nobody measured stays unknown: a dash, or an empty cell. It is counted "
            "under data quality and is never shown as zero."
        ),
    ),
)
