"""What to do about cost that no rule could place, and about rows that are no requests.

Here belongs one remedy for each cause that leaves cost unknown or in the wrong hour. Which that is belongs to `quality`.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from tokenworks.reports.formatting import money, percent, whole
from tokenworks.reports.ledger import UNOBSERVED
from tokenworks.reports.long_requests import LONGEST_HOURS
from tokenworks.reports.quality import UNKNOWN, UNKNOWN_LIMIT, Quality

REMEDIES = {
    "no_weights": "nothing tells how the requests of a busy hour share its cost: state `weights` or an `allocation` "
    "method of the deployment (docs/fleet.md); `dim_phase_weights` says what was learnt, and why it was refused",
    "no_tokens": "engines were busy in hours without a logged request whose tokens are known: bring the gateway's log, "
    "or correct `key` and `endpoint` in fleet.yaml",
    "unexplained": "the meter read more than the GPUs drew: `rpt_reconciliation` compares the two",
    UNOBSERVED: "hours were billed of which no log, scrape or meter says anything: bring those of the whole period",
}


def remedies(found: Quality, limit: Decimal = UNKNOWN_LIMIT) -> tuple[str, ...]:
    """A sentence for each cause whose cost is a larger share of its currency than the limit, the largest first.

    After them one about rows that last longer than a request can.
    """
    sizes: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for method in found.methods:
        totals[method.currency] += method.magnitude
        if method.grade == UNKNOWN and method.cause in REMEDIES:
            sizes[method.currency, method.cause] += method.magnitude
    above = [
        (size / totals[currency], currency, cause)
        for (currency, cause), size in sizes.items()
        if size > limit * totals[currency]
    ]
    said = tuple(
        f"{money(sizes[currency, cause], currency)} ({cause}): {REMEDIES[cause]}."
        for _, currency, cause in sorted(above, reverse=True)
    )
    return (*said, *_of_totals(found))


def _of_totals(found: Quality) -> tuple[str, ...]:
    long = found.long_requests
    if not long.count:
        return ()
    said = (
        f"Requests of more than {LONGEST_HOURS} hours ({whole(long.count)}) hold {percent(long.token_share)} of the "
        "tokens, and the cost of a prompt lies in the first hour of its request: where they are totals of a day, "
        "land them through a mapping with `spread: hour` (docs/mapping.md)."
    )
    return (said,)
