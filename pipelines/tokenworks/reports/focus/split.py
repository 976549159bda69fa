"""How origin charges are split: the Allocated columns of FOCUS 1.3 and later.

A showback row draws on several origin charges. Each is an element of AllocatedMethodDetails with its
`x_OriginChargeId`, the `x_ChargeId` of its supply row, and the part of that charge which the row shows.
The parts of one origin charge add up to 1 exactly.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal

import polars as pl

from tokenworks.reports.focus.amounts import UNIT, largest_remainder, whole
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.focus.showback import GROUP, counted_tokens

# Only work done for a tenant was allocated; the rest is the unallocated part.
ALLOCATED = ("served", "waste")
_DIGITS = 12
_EXACT = Context(prec=60)


def elements(inputs: Inputs, entries: pl.DataFrame) -> pl.DataFrame:
    """One row per showback row and origin charge: `row_key`, `x_ChargeId`, `ratio` in 1e-12."""
    pairs = (
        entries.group_by("x_ChargeId", "row_key", "is_tokens", *GROUP)
        .agg(pl.col("cost").sum(), pl.col("allocation_method").unique())
        .with_columns(whole(UNIT).alias("all"))
    )
    shares = largest_remainder(pairs, ["x_ChargeId"], "all", "cost", ["row_key"], "ratio")
    plain = shares.filter(~pl.col("is_tokens"))
    # What served a tenant's tokens is divided between their classes as its cost is.
    classes = counted_tokens(inputs).select(
        *GROUP, "token_class", pl.col("class_units").alias("class_cost")
    )
    classed = shares.filter(pl.col("is_tokens")).join(
        classes, on=GROUP, how="inner", nulls_equal=True
    )
    divided = largest_remainder(
        classed, ["x_ChargeId", "row_key"], "ratio", "class_cost", ["token_class"], "class_ratio"
    )
    columns = ["row_key", "x_ChargeId", "ratio", "allocation_method"]
    return pl.concat(
        [
            plain.select(columns),
            divided.with_columns(
                pl.format("{}|{}", "row_key", "token_class").alias("row_key"),
                pl.col("class_ratio").alias("ratio"),
            ).select(columns),
        ]
    )


def with_allocation(rows: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Showback rows with their Allocated columns and the names of their methods."""
    told = (
        parts.sort("row_key", "x_ChargeId")
        .group_by("row_key", maintain_order=True)
        .agg(
            pl.struct("x_ChargeId", "ratio").alias("origins"),
            pl.col("allocation_method")
            .list.explode(keep_nulls=False, empty_as_null=False)
            .unique()
            .sort()
            .str.join(" + ")
            .alias("methods"),
        )
    )
    frame = rows.join(told, on="row_key", how="left", validate="1:1")
    details = [
        _details(origins, unit, quantity)
        for origins, unit, quantity in frame.select(
            "origins", "ConsumedUnit", "ConsumedQuantity"
        ).iter_rows()
    ]
    is_allocated = pl.col("x_LedgerCategory").is_in(list(ALLOCATED))
    target = pl.concat_str("model", "tier", "tenant_id", separator="/", ignore_nulls=True)
    tags = pl.struct("model", "tier", pl.col("tenant_id").alias("tenant")).struct.json_encode()
    return frame.with_columns(
        pl.Series("AllocatedMethodDetails", details, dtype=pl.String),
        pl.col("methods").alias("AllocatedMethodId"),
        pl.col("methods").alias("x_AllocationMethod"),
        pl.when(is_allocated).then(target).alias("AllocatedResourceId"),
        pl.when(is_allocated).then(target).alias("AllocatedResourceName"),
        pl.when(is_allocated).then(tags).alias("AllocatedTags"),
    )


def _details(origins: list[dict[str, object]], unit: str, micros: int) -> str:
    """The JSON text, with ratios as decimals: a float would not add up to 1."""
    use = f'"UsageUnit": {json.dumps(unit)}, "UsageQuantity": {_decimal(micros, 6)}'
    found = ", ".join(
        f'{{"AllocatedRatio": {_decimal(_whole(origin["ratio"]), _DIGITS)}, {use}, '
        f'"x_OriginChargeId": {json.dumps(origin["x_ChargeId"])}}}'
        for origin in origins
    )
    return f'{{"Elements": [{found}]}}'


def _whole(value: object) -> int:
    return int(str(value))


def _decimal(value: int, digits: int) -> str:
    return f"{Decimal(value).scaleb(-digits, context=_EXACT):f}"
