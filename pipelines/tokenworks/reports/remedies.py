"""What to do about cost that no rule could place.

Here belongs one remedy for each cause that leaves cost unknown. Which cost that is belongs to `quality`.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from tokenworks.reports.formatting import money
from tokenworks.reports.ledger import UNOBSERVED
from tokenworks.reports.quality import UNKNOWN, UNKNOWN_LIMIT, Quality

REMEDIES = {
    "no_weights": "nothing tells how the requests of a busy hour share its cost: state `weights` or an `allocation` "
    "method of the deployment (docs/fleet.md); `dim_phase_weights` says what was learnt, and why it was refused",
    "no_tokens": "engines were busy in hours without a logged request: bring the gateway's log, or correct `key` and "
    "`endpoint` in fleet.yaml",
    "unexplained": "the meter read more than the GPUs drew: `rpt_reconciliation` compares the two",
    UNOBSERVED: "hours were billed of which no log, scrape or meter says anything: bring those of the whole period",
}


def remedies(found: Quality, limit: Decimal = UNKNOWN_LIMIT) -> tuple[str, ...]:
    """A sentence for each cause whose cost is a larger share of its currency than the limit; the largest first."""
    sizes: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    whole: dict[str, Decimal] = defaultdict(Decimal)
    for method in found.methods:
        whole[method.currency] += method.magnitude
        if method.grade == UNKNOWN and method.cause in REMEDIES:
            sizes[method.currency, method.cause] += method.magnitude
    above = [
        (size / whole[currency], currency, cause)
        for (currency, cause), size in sizes.items()
        if size > limit * whole[currency]
    ]
    return tuple(
        f"{money(sizes[currency, cause], currency)} ({cause}): {REMEDIES[cause]}."
        for _, currency, cause in sorted(above, reverse=True)
    )
