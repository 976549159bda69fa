"""One tariff of the U.S. Utility Rate Database: its rates and its schedule, or why it has none.

Pure: a JSON object in (fractions as `Decimal`), plain rows out. A tariff is whole or rejected: half of
one would price a bill wrongly without a sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from tokenworks_sources.connectors.exact import decimal_of, stored
from tokenworks_sources.contracts.enforce import EARLIEST, LATEST

MONTHS, HOURS = 12, 24
# Publishers write 1e38 where a tier has no end.
ENDLESS = Decimal("1e25")
MOST_PERIODS = 288
_EPOCH = datetime(1970, 1, 1)
_FIRST = datetime(EARLIEST.year, 1, 1)

Record = Mapping[str, object]


class TariffError(ValueError):
    """Why a tariff cannot be used; its text is the reject reason."""


@dataclass(frozen=True)
class Rate:
    """One tier of one period."""

    component: str
    period: int
    tier: int
    rate: Decimal
    unit: str
    tier_max: Decimal | None = None
    tier_unit: str | None = None
    adjustment: Decimal | None = None
    sell_rate: Decimal | None = None


@dataclass
class Tariff:
    """What one record says.

    Attributes:
        schedules: per component, period by month × hour for weekdays and for weekends.
        ratchets: per month, the share of earlier peaks that demand is billed at least.
    """

    label: str
    utility: str | None
    name: str | None
    sector: str | None
    valid_from: datetime
    valid_to: datetime | None
    demand_window: float | None = None
    rates: list[Rate] = field(default_factory=list)
    schedules: dict[str, tuple[list[list[int]], list[list[int]]]] = field(default_factory=dict)
    ratchets: list[float] | None = None


def tariff_of(record: Record) -> Tariff:
    """The tariff of a record.

    Raises:
        TariffError: a field is missing, unreadable or contradicts another.
    """
    label = _text(record, "label")
    if label is None:
        raise TariffError("label: missing")
    start, end = _date(record, "startdate"), _date(record, "enddate")
    tariff = Tariff(
        label=label,
        utility=_text(record, "utility"),
        name=_text(record, "name"),
        sector=_text(record, "sector"),
        valid_from=max(start or _FIRST, _FIRST),
        valid_to=end,
    )
    if end is not None and end < tariff.valid_from:
        raise TariffError("enddate: before startdate, or before 2000")
    _timed(record, tariff)
    tariff.rates += _monthly(record)
    if not tariff.rates:
        raise TariffError("energyratestructure: no rate at all; ask the API with detail=full")
    return tariff


def _timed(record: Record, tariff: Tariff) -> None:
    """Components that a schedule places in time."""
    demand, flat = _text(record, "demandrateunit"), _text(record, "flatdemandunit")
    matrices = (
        ("energy", "energyratestructure", "energyweekdayschedule", "energyweekendschedule", "kWh"),
        ("demand_tou", "demandratestructure", "demandweekdayschedule", "demandweekendschedule", demand),
        ("coincident", "coincidentratestructure", "coincidentrateschedule", "coincidentrateschedule",
         _text(record, "coincidentrateunit")),
    )  # fmt: skip
    for component, structure, weekday, weekend, unit in matrices:
        periods = _structure(record, component, structure, unit or "kW", tariff)
        if periods:
            tariff.schedules[component] = (
                _matrix(record, weekday, periods),
                _matrix(record, weekend, periods),
            )
    periods = _structure(record, "demand_flat", "flatdemandstructure", flat or "kW", tariff)
    if periods:
        _by_month(tariff, "demand_flat", _months(record, "flatdemandmonths", periods))
    fuel = _numbers(record, "fueladjustmentsmonthly")
    if fuel:
        tariff.rates += [
            Rate("fuel_adjustment", month, 0, stored(rate), "kWh")
            for month, rate in enumerate(fuel)
        ]
        _by_month(tariff, "fuel_adjustment", list(range(MONTHS)))
    ratchets = _numbers(record, "demandratchetpercentage")
    if ratchets:
        # Written as 80 or as 0.8.
        tariff.ratchets = [float(share / 100 if share > 1 else share) for share in ratchets]
    window = _number(record, "demandwindow")
    tariff.demand_window = None if window is None else float(window)


def _structure(record: Record, component: str, name: str, unit: str, tariff: Tariff) -> int:
    """Adds the tiers of every period and returns the number of periods."""
    periods = record.get(name)
    if periods is None or periods == []:
        return 0
    if not isinstance(periods, list) or len(periods) > MOST_PERIODS:
        raise TariffError(f"{name}: not a list of periods")
    for period, tiers in enumerate(periods):
        if not isinstance(tiers, list) or not tiers or len(tiers) > MOST_PERIODS:
            raise TariffError(f"{name}: a period is not a list of tiers")
        for tier, given in enumerate(tiers):
            if not isinstance(given, Mapping):
                raise TariffError(f"{name}: a tier is not an object")
            tariff.rates.append(_tier(given, component, name, unit, (period, tier)))
    return len(periods)


def _tier(given: Record, component: str, name: str, unit: str, place: tuple[int, int]) -> Rate:
    rate, adjustment, end = (_number(given, key, name) for key in ("rate", "adj", "max"))
    sell = _number(given, "sell", name)
    if rate is None and adjustment is None and sell is None:
        raise TariffError(f"{name}: a tier has no rate")
    limit = end if end is not None and end < ENDLESS else None
    tier_unit = _text(given, "unit") or unit
    return Rate(
        component,
        *place,
        rate=stored(rate or Decimal(0)),
        unit=unit,
        tier_max=None if limit is None else stored(limit),
        tier_unit=None if limit is None else tier_unit,
        adjustment=None if adjustment is None else stored(adjustment),
        sell_rate=None if sell is None else stored(sell),
    )


def _monthly(record: Record) -> Iterator[Rate]:
    """Components that are charged whatever the hour."""
    first, unit = _number(record, "fixedchargefirstmeter"), _per(record, "fixedchargeunits")
    if first is None:
        first, unit = _number(record, "fixedmonthlycharge"), "month"
    each = _number(record, "fixedchargeeaaddl")
    if first or each:
        if unit is None:
            raise TariffError("fixedchargeunits: not $/month, $/day or $/year")
        one = Decimal(1) if each else None
        yield Rate("fixed", 0, 0, stored(first or Decimal(0)), unit, one, "meter" if one else None)
        if each:
            yield Rate("fixed", 0, 1, stored(each), unit)
    least, unit = _number(record, "mincharge"), _per(record, "minchargeunits")
    if least is None:
        least, unit = _number(record, "minmonthlycharge"), "month"
    if least:
        if unit is None:
            raise TariffError("minchargeunits: not $/month, $/day or $/year")
        yield Rate("minimum", 0, 0, stored(least), unit)
    yearly = _number(record, "annualmincharge")
    if yearly:
        yield Rate("minimum", 1, 0, stored(yearly), "year")
    reactive = _number(record, "demandreactivepowercharge")
    if reactive:
        yield Rate("reactive", 0, 0, stored(reactive), "kVAR")


def _matrix(record: Record, name: str, periods: int) -> list[list[int]]:
    """Period by month and hour; one period needs no schedule."""
    given = record.get(name)
    if given is None and periods == 1:
        return [[0] * HOURS for _ in range(MONTHS)]
    if not isinstance(given, list) or len(given) != MONTHS:
        raise TariffError(f"{name}: not 12 months of 24 hours")
    for month in given:
        if not isinstance(month, list) or len(month) != HOURS:
            raise TariffError(f"{name}: not 12 months of 24 hours")
        if not all(_is_period(period, periods) for period in month):
            raise TariffError(f"{name}: names a period that the rates do not have")
    return given


def _months(record: Record, name: str, periods: int) -> list[int]:
    given = record.get(name)
    if given is None and periods == 1:
        return [0] * MONTHS
    if not isinstance(given, list) or len(given) != MONTHS:
        raise TariffError(f"{name}: not 12 months")
    if not all(_is_period(period, periods) for period in given):
        raise TariffError(f"{name}: names a period that the rates do not have")
    return given


def _by_month(tariff: Tariff, component: str, months: list[int]) -> None:
    matrix = [[period] * HOURS for period in months]
    tariff.schedules[component] = (matrix, matrix)


def _is_period(value: object, periods: int) -> bool:
    return type(value) is int and 0 <= value < periods


def _text(record: Record, name: str) -> str | None:
    value = record.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _number(record: Record, name: str, within: str | None = None) -> Decimal | None:
    """A number, null where it is absent; `within` is the structure that the error names."""
    value = record.get(name)
    if value is None or value == "":
        return None
    is_number = isinstance(value, int | Decimal | str) and not isinstance(value, bool)
    if is_number and isinstance(value, Decimal) and value >= ENDLESS and name == "max":
        return ENDLESS
    number = decimal_of(str(value)) if is_number else None
    if number is None:
        raise TariffError(f"{within or name}: not a number")
    return number


def _numbers(record: Record, name: str) -> list[Decimal]:
    """Twelve numbers by month; empty where the field is absent or all are zero."""
    given = record.get(name)
    if given is None or given == []:
        return []
    if not isinstance(given, list) or len(given) != MONTHS:
        raise TariffError(f"{name}: not 12 months")
    numbers = [_number({name: value}, name) or Decimal(0) for value in given]
    return numbers if any(numbers) else []


def _per(record: Record, name: str) -> str | None:
    """`month` of `$/month`."""
    unit = (_text(record, name) or "").lower().removeprefix("$/")
    return unit if unit in ("month", "day", "year") else None


def _date(record: Record, name: str) -> datetime | None:
    """An epoch in seconds as naive UTC."""
    number = _number(record, name)
    if number is None:
        return None
    if not 0 <= number < Decimal((datetime(LATEST.year, 1, 1) - _EPOCH).total_seconds()):
        raise TariffError(f"{name}: not seconds of the Unix epoch before {LATEST.year}")
    return _EPOCH + timedelta(seconds=int(number))
