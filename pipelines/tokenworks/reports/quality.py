"""How sure the month's figures are: measured, estimated or unknown.

Here belongs the classing of allocation methods and the counting of unknown values. Nothing here
fills a gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

import polars as pl

from tokenworks.reports.ledger import UNATTRIBUTED, UNOBSERVED
from tokenworks.reports.long_requests import LongRequests, long_requests
from tokenworks.reports.money import from_units, to_units

MEASURED, ESTIMATED, UNKNOWN = "measured", "estimated", "unknown"
GRADES = (MEASURED, ESTIMATED, UNKNOWN)
UNKNOWN_LIMIT = Decimal("0.05")
Verdict: TypeAlias = Literal["within", "above", "open"]
# Energy is measured by meters and GPUs; time stands in for it where they are silent. A lease is
# paid by time, so that the same methods are exact for it.
_ENERGY_COMPONENTS = frozenset({"electricity", "cooling", "demand"})
_STAND_INS = frozenset(
    {"even-hours", "gpu-time", "gpu-energy-estimated", "gpu-kwh", "energy-share"}
)

FIELDS = {
    "tenant_id": "Tenant",
    "deployment_id": "Deployment",
    "tier": "Tier",
    "region": "Region",
    "input_total_tokens": "Input tokens",
    "input_cache_read_tokens": "Cached input tokens",
    "output_total_tokens": "Output tokens",
    "ttft_seconds": "Time to first token",
    "e2e_seconds": "End-to-end time",
    "cost_active_usd": "Cost",
    "cost_list_usd": "List price",
    "energy_accelerator_joules": "Energy",
}
_TOKEN_FIELDS = ("input_total_tokens", "output_total_tokens")


@dataclass(frozen=True)
class MethodCost:
    """Cost that one method allocated, in a currency."""

    currency: str
    grade: str
    method: str
    category: str
    cause: str
    component: str
    is_accrued: bool
    amount: Decimal
    magnitude: Decimal


@dataclass(frozen=True)
class FieldCount:
    """How many requests know a value."""

    field: str
    label: str
    known: int
    requests: int

    @property
    def unknown_share(self) -> Decimal | None:
        """Requests without the value, of all requests."""
        return Decimal(self.requests - self.known) / self.requests if self.requests else None


@dataclass(frozen=True)
class Quality:
    """Everything that says how far to trust the month.

    Attributes:
        methods: cost by method, graded.
        fields: known values of requests.
        untranslated: exact cost by currency that no exchange rate turned into dollars.
        telemetry_coverage: share of assigned GPU-hours that telemetry saw.
        long_requests: rows of a log that are totals of many requests, by their length.
    """

    methods: tuple[MethodCost, ...]
    fields: tuple[FieldCount, ...]
    untranslated: Mapping[str, Decimal]
    telemetry_coverage: float | None
    long_requests: LongRequests = field(default_factory=LongRequests)

    def shares(self, currency: str, category: str | None = None) -> dict[str, Decimal | None]:
        """Share of a currency's cost, or of one category, by grade; credits count by their size."""
        sizes: dict[str, Decimal] = defaultdict(Decimal)
        for method in self.methods:
            if method.currency == currency and category in (None, method.category):
                sizes[method.grade] += method.magnitude
        whole = sum(sizes.values(), Decimal(0))
        return {grade: sizes[grade] / whole if whole else None for grade in GRADES}

    def accrued_share(self, currency: str, category: str | None = None) -> Decimal | None:
        """Share of a currency's cost, or of one category, that no bill has confirmed yet."""
        accrued = whole = Decimal(0)
        for method in self.methods:
            if method.currency == currency and category in (None, method.category):
                whole += method.magnitude
                accrued += method.magnitude if method.is_accrued else 0
        return accrued / whole if whole else None

    @property
    def unknown_cost_share(self) -> Decimal | None:
        """The largest unknown share among the currencies, None without any cost."""
        currencies = {method.currency for method in self.methods}
        shares = [share for code in currencies if (share := self.shares(code)[UNKNOWN]) is not None]
        return max(shares, default=None)

    @property
    def unknown_token_share(self) -> Decimal | None:
        """The larger share of requests without input or without output tokens."""
        shares = [
            count.unknown_share
            for count in self.fields
            if count.field in _TOKEN_FIELDS and count.unknown_share is not None
        ]
        return max(shares, default=None)

    def exceeds(self, limit: Decimal = UNKNOWN_LIMIT) -> bool:
        """Whether an unknown share passes the limit."""
        shares = (self.unknown_cost_share, self.unknown_token_share)
        return any(share is not None and share > limit for share in shares)

    def verdict(self, limit: Decimal = UNKNOWN_LIMIT) -> Verdict:
        """Within the limit, above it, or open: a share that nobody can know is not within it.

        What no exchange rate translates is in no figure in dollars, and of what size is not known.
        """
        if self.exceeds(limit):
            return "above"
        known = self.unknown_cost_share is not None and self.unknown_token_share is not None
        return "within" if known and not self.untranslated else "open"

    def first_line(self, limit: Decimal = UNKNOWN_LIMIT) -> str:
        """The first line of every report."""
        cost, requests = self.unknown_cost_share, self.unknown_token_share
        known = [
            *([] if cost is None else [f"{cost:.1%} of cost has no known cause or method"]),
            *([] if requests is None else [f"{requests:.1%} of requests lack a token count"]),
        ]
        absent = [
            *(["no cost is known in this period"] if cost is None else []),
            *(["no request is known in this period"] if requests is None else []),
            *(
                f"{amount:,.2f} {currency} have no exchange rate"
                for currency, amount in sorted(self.untranslated.items())
            ),
        ]
        if self.verdict(limit) == "open":
            opening = ", ".join(absent)
            return f"{'; '.join([opening[:1].upper() + opening[1:], *known])}."
        opening = (
            f"WARNING: unknown share above the limit of {limit:.0%}"
            if self.exceeds(limit)
            else f"Unknown share within the limit of {limit:.0%}"
        )
        return f"{opening}: {', '.join([*known, *absent])}."


def grade(
    category: str, cause: str, component: str, method: str, *, is_accrued: bool = False
) -> str:
    """How a ledger line was found: measured, estimated or unknown.

    >>> grade("served", "", "accelerator", "even-hours|gpu-time|phase-weights")
    'measured'
    >>> grade("idle", "ready_empty", "electricity", "metered-kwh|gpu-time")
    'estimated'
    >>> grade("idle", "unobserved", "accelerator", "even-hours")
    'unknown'
    >>> grade("served", "", "accelerator", "even-hours|gpu-time", is_accrued=True)
    'estimated'
    """
    if category == UNATTRIBUTED or cause == UNOBSERVED or not method:
        return UNKNOWN
    stands_in = component in _ENERGY_COMPONENTS and not _STAND_INS.isdisjoint(method.split("|"))
    return ESTIMATED if stands_in or is_accrued else MEASURED


def quality(requests: pl.LazyFrame, ledger: pl.LazyFrame, hours: pl.LazyFrame) -> Quality:
    """Grade a month."""
    return Quality(
        methods=_methods(ledger),
        fields=_fields(requests),
        untranslated=_untranslated(ledger),
        telemetry_coverage=_telemetry(hours),
        long_requests=long_requests(requests),
    )


def _methods(ledger: pl.LazyFrame) -> tuple[MethodCost, ...]:
    keys = ("currency", "category", "cause", "component", "allocation_method", "is_accrued")
    cost = pl.col("cost")
    sums = (
        ledger.group_by(keys)
        .agg(
            cost.filter(cost > 0).sum().alias("positive"),
            cost.filter(cost < 0).sum().alias("negative"),
        )
        .sort(keys, nulls_last=True)
        .collect()
    )
    return tuple(
        MethodCost(
            currency=currency,
            grade=grade(
                category, cause or "", component or "", method or "", is_accrued=bool(accrued)
            ),
            method=method or "(none named)",
            category=category,
            cause=cause or "",
            component=component or "",
            is_accrued=bool(accrued),
            amount=positive + negative,
            magnitude=positive - negative,
        )
        for currency, category, cause, component, method, accrued, positive, negative in (
            sums.iter_rows()
        )
    )


def _fields(requests: pl.LazyFrame) -> tuple[FieldCount, ...]:
    counts = requests.select(pl.len().alias("requests"), *(pl.col(name).count() for name in FIELDS))
    row = counts.collect().row(0, named=True)
    return tuple(
        FieldCount(name, label, int(row[name]), int(row["requests"]))
        for name, label in FIELDS.items()
    )


def _untranslated(ledger: pl.LazyFrame) -> dict[str, Decimal]:
    lines = (
        ledger.filter(pl.col("cost_usd").is_null() & pl.col("cost").is_not_null())
        .group_by("currency")
        .agg(pl.col("cost").sum())
        .sort("currency")
        .collect()
    )
    return {currency: from_units(to_units(cost)) for currency, cost in lines.iter_rows()}


def _telemetry(hours: pl.LazyFrame) -> float | None:
    row = (
        hours.filter(pl.col("telemetry_coverage_ratio").is_not_null())
        .select(
            (pl.col("telemetry_coverage_ratio") * pl.col("gpu_hours_assigned")).sum().alias("seen"),
            pl.col("gpu_hours_assigned").sum().alias("hours"),
        )
        .collect()
        .row(0, named=True)
    )
    return float(row["seen"]) / float(row["hours"]) if row["hours"] else None
