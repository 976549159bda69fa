"""Usage summaries of an ESPI feed as lines of bills.

Pure: summaries in, rows of `energy_bills` out, or the reason why there are none. The lines of a bill
sum to its `billLastPeriod`:

- Each `costAdditionalDetailLastPeriod` is a line, but for payments and information (kinds 9, 10). Its
  amount counts hundred-thousandths of the currency; where its own measurement is money (unit 80), the
  multiplier there holds instead.
- What the bill has beyond its lines is the line `energy`, with the consumption of the period. A bill
  without lines has `costAdditionalLastPeriod` as the line `additional`.
- A bill of 0 says nothing where it has lines, and is no bill where it has none: feeds write 0 where
  they know no amount. A bill smaller than its lines contradicts them; the lines hold.
- Credits are negative, whichever way the feed writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tokenworks_sources.connectors.energy_readings.espi_feed import Entry, Feed, Summary, meter_name
from tokenworks_sources.connectors.energy_readings.espi_links import (
    ELECTRIC_COMMODITIES,
    LARGEST_EXPONENT,
    SERVICES,
    WATT_HOUR,
    number,
    usage_point_of,
)
from tokenworks_sources.connectors.energy_readings.iso4217 import codes_by_text
from tokenworks_sources.connectors.exact import decimal_of, held, stored
from tokenworks_sources.connectors.free_text import shield

MONEY_UNIT = 80
UNIT_OF_MONEY = Decimal("1e-5")
PAYMENT, INFORMATION = 9, 10
CREDITS = (6, 7, 8)
KINDS = {1: "energy", 2: "rider", 3: "energy", 4: "fixed", 5: "tax"}
_EPOCH = datetime(1970, 1, 1)
_LONGEST = 10 * 366 * 86_400

Row = dict[str, object]


class BillError(ValueError):
    """Why a summary or a charge cannot be used; its text is the reject reason."""


@dataclass(frozen=True)
class Outcome:
    """What one record (a summary or a charge) became: rows, or a reason to skip or reject it."""

    rows: tuple[Row, ...] = ()
    skip: str | None = None
    reject: str | None = None


@dataclass
class _Bill:
    summary: Summary
    base: Row
    period: tuple[datetime, datetime]
    stamp: tuple[str, int]
    outcomes: list[Outcome] = field(default_factory=list)


def outcomes_of(feed: Feed) -> Iterator[Outcome]:
    """One outcome per summary and per charge; of one bill published twice, the later holds."""
    latest: dict[object, _Bill] = {}
    for summary in feed.bills:
        bill = _bill(feed, summary)
        if isinstance(bill, Outcome):
            yield from _all(summary, bill)
            continue
        key = bill.base["bill_id"]
        other = latest.get(key)
        if other is not None and other.stamp > bill.stamp:
            bill, other = other, bill
        if other is not None:
            yield from _all(other.summary, Outcome(skip="superseded by a later copy of the bill"))
        latest[key] = bill
    for bill in latest.values():
        yield from _lines(bill)


def _all(summary: Summary, outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for _ in summary.charges:
        yield outcome


def _bill(feed: Feed, summary: Summary) -> _Bill | Outcome:
    """What the lines of a bill share, or why it has none."""
    facts = summary.facts
    point, entry = _usage_point(feed, summary.entry)
    service = number(entry.facts.get("kind")) if entry else None
    commodity = number(facts.get("commodity"))
    if service:
        return Outcome(skip=f"{SERVICES.get(service, f'service {service}')}, not electricity")
    if commodity not in (None, *ELECTRIC_COMMODITIES):
        return Outcome(skip=f"commodity {commodity} is not electricity")
    amounts = [facts.get(name) for name in ("billLastPeriod", "costAdditionalLastPeriod")]
    if not summary.charges and not any(decimal_of(text) != 0 for text in amounts if text):
        return Outcome(skip="usage summary without an amount")
    try:
        period = _period(facts, "billingPeriod")
        if period is None:
            raise BillError("billingPeriod: missing")
        currency = _currency(feed, facts)
    except BillError as error:
        return Outcome(reject=str(error))
    meter = meter_name(point) if point else feed.identifier
    issued = summary.entry.updated or summary.entry.published
    base = {
        "source_line": summary.number,
        "bill_id": f"{meter}/{period[0]:%Y-%m-%d}/{(period[1] - period[0]) // timedelta(seconds=1)}",
        "meter_id": meter,
        "currency": currency,
        "issued_at": _moment(issued),
    }
    return _Bill(summary, base, period, (issued, summary.number))


def _usage_point(feed: Feed, entry: Entry) -> tuple[str | None, Entry | None]:
    """By the summary's own links, then by the links of usage points to it."""
    for link in (entry.up_link, entry.self_link, *entry.related):
        point, found = usage_point_of(feed, link)
        if point:
            return point, found
    return None, None


def _lines(bill: _Bill) -> Iterator[Outcome]:
    """The summary's own outcome, then that of each charge."""
    charges = [_charge(bill, index) for index in range(len(bill.summary.charges))]
    amounts = [row["amount"] for outcome in charges for row in outcome.rows]
    total = sum((amount for amount in amounts if isinstance(amount, Decimal)), Decimal(0))
    try:
        yield _rest(bill, total, has_lines=bool(amounts))
    except BillError as error:
        yield Outcome(reject=str(error))
    yield from charges


def _rest(bill: _Bill, total: Decimal, *, has_lines: bool) -> Outcome:
    """What the bill has beyond its lines."""
    facts = bill.summary.facts
    billed = _money(facts, "billLastPeriod")
    additional = _money(facts, "costAdditionalLastPeriod") or Decimal(0)
    if not billed and has_lines:
        return Outcome(skip="no total; its lines say it all")
    if not billed and not additional:
        return Outcome(skip="usage summary without an amount")
    rows = []
    if not has_lines and additional:
        total = additional
        rows.append(_row(bill, "additional", "rider", additional))
    rest = (billed or total) - total
    if rest < 0 < (billed or 0) and has_lines:
        raise BillError("billLastPeriod: less than the sum of its own lines")
    if rest:
        kwh = _energy(facts)
        quantity = {"quantity": kwh, "unit": None if kwh is None else "kWh"}
        rows.append({**_row(bill, "energy", "energy", rest), **quantity})
    return Outcome(tuple(rows)) if rows else Outcome(skip="its lines sum to its total")


def _charge(bill: _Bill, index: int) -> Outcome:
    facts = bill.summary.charges[index]
    kind = number(facts.get("itemKind"))
    if kind in (PAYMENT, INFORMATION):
        return Outcome(skip="charge of kind payment or information")
    try:
        amount = _line_amount(facts)
        if amount is None:
            raise BillError("costAdditionalDetailLastPeriod: no amount")
        note = facts.get("note", "")
        named = "credit" if kind in CREDITS else KINDS.get(kind or 0, "rider")
        if "demand" in note.lower() and named in ("energy", "rider"):
            named = "demand"
        if named == "credit":
            amount = -abs(amount)
        row = _row(bill, f"{index + 1}", named, amount, _period(facts, "itemPeriod"))
    except BillError as error:
        return Outcome(reject=str(error))
    return Outcome(({**row, "description": shield(note)[:200] or None},))


def _line_amount(facts: dict[str, str]) -> Decimal | None:
    exponent = number(facts.get("measurement/powerOfTenMultiplier"))
    if number(facts.get("measurement/uom")) != MONEY_UNIT or exponent is None:
        return _money(facts, "amount")
    if abs(exponent) > LARGEST_EXPONENT:
        raise BillError("measurement: powerOfTenMultiplier out of range")
    return _money(facts, "amount", Decimal(1).scaleb(exponent))


def _row(
    bill: _Bill,
    line: str,
    kind: str,
    amount: Decimal,
    period: tuple[datetime, datetime] | None = None,
) -> Row:
    start, end = period or bill.period
    return {
        **bill.base,
        "line_id": line,
        "kind": kind,
        "amount": amount,
        "period_start": start,
        "period_end": end,
    }


def _money(facts: dict[str, str], name: str, unit: Decimal = UNIT_OF_MONEY) -> Decimal | None:
    text = facts.get(name)
    if not text:
        return None
    value = decimal_of(text)
    amount = None if value is None else held(value * unit)
    if amount is None:
        raise BillError(f"{name}: not a number")
    return stored(amount)


def _currency(feed: Feed, facts: dict[str, str]) -> str:
    """The summary's own, else the one that all reading types of the feed have."""
    given = facts.get("currency")
    of_types = {entry.facts.get("currency") for entry in feed.reading_types} - {None, "0"}
    text = given or (of_types.pop() if len(of_types) == 1 else None)
    if not text:
        raise BillError("currency: missing in the summary and in the reading types")
    code = codes_by_text().get(text)
    if code is None:
        raise BillError("currency: not a numeric code of ISO 4217")
    return code


def _period(facts: dict[str, str], name: str) -> tuple[datetime, datetime] | None:
    start, duration = (decimal_of(facts.get(f"{name}/{part}")) for part in ("start", "duration"))
    if start is None and duration is None:
        return None
    if start is None or not 946_684_800 <= start < 4_102_444_800:
        raise BillError(f"{name}: start is not seconds of the Unix epoch from 2000 on")
    if duration is None or not 1 <= duration <= _LONGEST:
        raise BillError(f"{name}: duration is not between a second and ten years")
    begin = _EPOCH + timedelta(seconds=int(start))
    return begin, begin + timedelta(seconds=int(duration))


def _energy(facts: dict[str, str]) -> float | None:
    """KWh of the period, where the summary has it in watt-hours."""
    path = "overallConsumptionLastPeriod"
    value = decimal_of(facts.get(f"{path}/value"))
    exponent = number(facts.get(f"{path}/powerOfTenMultiplier", "0"))
    if value is None or exponent is None or abs(exponent) > LARGEST_EXPONENT:
        return None
    if number(facts.get(f"{path}/uom")) != WATT_HOUR:
        return None
    return float(value.scaleb(exponent - 3))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
