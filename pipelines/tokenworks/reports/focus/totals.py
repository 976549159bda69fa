"""Sums across rows: supply = showback = ledger, invoices, commitments, split charges.

Here belongs what no single row can break.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from tokenworks.reports.focus.inputs import Inputs, charge_id
from tokenworks.reports.focus.lines import INVOICED, billed_in
from tokenworks.reports.money import minor_digits
from tokenworks.reports.period import Period


def effective_by_currency(rows: pl.DataFrame) -> dict[str, Decimal]:
    """EffectiveCost per billing currency."""
    return _sums(rows, "BillingCurrency", "EffectiveCost")


def entries_have_charges(inputs: Inputs) -> Iterator[str]:
    """What the ledger spends is a charge that there is."""
    known = inputs.lines.select(charge_id())
    spent = inputs.ledger.select(charge_id()).unique()
    unknown = spent.join(known, on=spent.columns, how="anti").sort(spent.columns)
    for (name,) in unknown.iter_rows():
        yield f"fct_cost_ledger: {name} is spent and is not in fct_charges"


def views_are_equal(supply: pl.DataFrame, showback: pl.DataFrame, inputs: Inputs) -> Iterator[str]:
    """Both views carry the whole cost of the month, to the last digit."""
    spent = [frame.select("currency", "cost") for frame in (inputs.ledger, inputs.corrections)]
    ledger = _sums(pl.concat(spent), "currency", "cost")
    supplied, shown = effective_by_currency(supply), effective_by_currency(showback)
    for currency in sorted(ledger.keys() | supplied.keys() | shown.keys()):
        amounts = [side.get(currency, Decimal(0)) for side in (ledger, supplied, shown)]
        if len(set(amounts)) > 1:
            yield (
                f"EffectiveCost: in {currency} the ledger has {amounts[0]}, supply {amounts[1]}, "
                f"showback {amounts[2]}"
            )


def invoices_are_whole(supply: pl.DataFrame, inputs: Inputs, period: Period) -> Iterator[str]:
    """An invoice's rows bill what its lines bill, to the minor unit."""
    bill = ["cost_source", "bill_id", "currency"]
    lines = inputs.lines.filter(pl.col("cost_source").is_in(INVOICED))
    of_period = lines.filter(billed_in(period))
    wanted = of_period.group_by(bill).agg(pl.col("billed_amount").sum().alias("wanted"))
    rows = supply.select(pl.col("x_ChargeId"), "BilledCost")
    found = (
        lines.select(*bill, charge_id().alias("x_ChargeId"))
        .join(rows, on="x_ChargeId", how="inner")
        .group_by(bill)
        .agg(pl.col("BilledCost").sum().alias("found"))
    )
    both = wanted.join(found, on=bill, how="full", coalesce=True).sort(bill)
    for _, name, currency, amount, billed in both.iter_rows():
        step = Decimal(1).scaleb(-minor_digits(currency))
        sums = [(side or Decimal(0)).quantize(step) for side in (amount, billed)]
        if sums[0] != sums[1]:
            yield f"BilledCost: {name} bills {sums[0]} {currency}, its rows {sums[1]}"


def commitments_are_spent(supply: pl.DataFrame, inputs: Inputs, period: Period) -> Iterator[str]:
    """What a recurring commitment bills in the period is used or unused in it, to the minor unit.

    A purchase for another time is spent in other periods as well and proves nothing here: once for a longer term, by
    the month in a fiscal period, by the month of local time.
    """
    begin, end = pl.col("period_start"), pl.col("period_end")
    first, last = period.start_instant, period.end_instant
    is_cut = ((begin < first) & (end > first)) | ((begin < last) & (end > last))
    cut = inputs.lines.filter(is_cut).select(charge_id().alias("x_ChargeId"))
    names = supply.join(cut, on="x_ChargeId", how="semi").select("CommitmentDiscountId")
    held = supply.filter(pl.col("CommitmentDiscountId").is_not_null()).join(
        names, on="CommitmentDiscountId", how="anti"
    )
    is_purchase = pl.col("ChargeCategory") == "Purchase"
    sums = held.group_by("CommitmentDiscountId", "BillingCurrency").agg(
        pl.col("BilledCost").filter(is_purchase).sum().alias("billed"),
        pl.col("EffectiveCost").filter(~is_purchase).sum().alias("spent"),
        (pl.col("ChargeFrequency").filter(is_purchase) == "Recurring").all().alias("recurs"),
        is_purchase.any().alias("is_bought"),
        (~is_purchase).any().alias("is_used"),
    )
    shown = sums.filter("recurs", "is_bought", "is_used").sort("CommitmentDiscountId")
    for name, currency, billed, spent, *_ in shown.iter_rows():
        step = Decimal(1).scaleb(-minor_digits(currency))
        if billed.quantize(step) != spent.quantize(step):
            yield f"EffectiveCost: commitment {name} bills {billed} {currency} and spends {spent}"


def charges_are_split(supply: pl.DataFrame, showback: pl.DataFrame) -> Iterator[str]:
    """The parts of every origin charge that costs something add up to 1; of no other are there any."""
    ratios: dict[str, Decimal] = defaultdict(Decimal)
    for text in showback["AllocatedMethodDetails"].drop_nulls():
        for element in json.loads(text, parse_float=Decimal)["Elements"]:
            ratios[element["x_OriginChargeId"]] += Decimal(element["AllocatedRatio"])
    costing = supply.filter(pl.col("EffectiveCost") != 0)["x_ChargeId"]
    for name in sorted({*costing, *ratios}):
        if ratios.get(name, Decimal(0)) != 1:
            yield f"AllocatedRatio: the parts of {name} add up to {ratios.get(name, Decimal(0))}"


def _sums(rows: pl.DataFrame, key: str, amount: str) -> dict[str, Decimal]:
    return dict(rows.group_by(key).agg(pl.col(amount).sum()).iter_rows())
