"""Power of GPUs and of a site.

Belongs here: watts of a GPU by what it does, and the facility around it. A GPU draws little more
for a larger batch once it decodes, and most while it prefills.
"""

from __future__ import annotations

from tokenworks_sample.world import GpuKind


def watts(kind: GpuKind, activity: str, batch: int) -> float:
    """Watts of one GPU while unallocated, down, loading, empty, decode or prefill."""
    if activity in {"unallocated", "down"}:
        return kind.unallocated_watts
    if activity in ("empty", "loading"):
        return kind.empty_watts
    if activity == "prefill":
        return kind.prefill_watts
    return kind.decode_watts + kind.decode_span_watts * batch / (batch + 12)


def facility_watt_hours(it_joules: float, pue: float, noise: float) -> int:
    """What the site meter counts for the IT energy, in whole watt hours; `noise` is around 0."""
    return round(it_joules / 3600 * pue * (1.0 + noise))
