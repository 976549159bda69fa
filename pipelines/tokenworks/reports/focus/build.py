"""The export of a month or fiscal period: marts in, files out.

Here belongs the order of the steps and putting files in place. All views are made and checked before
the first file is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import polars as pl

from tokenworks.reports.edition import Edition, edition
from tokenworks.reports.focus.accounts import shown
from tokenworks.reports.focus.checks import FocusCheckError, findings
from tokenworks.reports.focus.columns import INSTANT, VIEWS, Version, View
from tokenworks.reports.focus.inputs import Inputs, read_inputs
from tokenworks.reports.focus.rows import dataset
from tokenworks.reports.focus.showback import other_rows, targets, token_rows
from tokenworks.reports.focus.split import elements, with_allocation
from tokenworks.reports.focus.supply import supply_rows
from tokenworks.reports.focus.totals import (
    charges_are_split,
    commitments_are_spent,
    effective_by_currency,
    entries_have_charges,
    invoices_are_whole,
    views_are_equal,
)
from tokenworks.reports.period import Period, named
from tokenworks_sources.settings import Settings

Format: TypeAlias = Literal["parquet", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class FocusFile:
    """One written file.

    Attributes:
        view: what its rows are.
        path: where it lies.
        rows: how many there are.
        effective: EffectiveCost by currency.
        billed: BilledCost by currency.
    """

    view: View
    path: Path
    rows: int
    effective: dict[str, Decimal]
    billed: dict[str, Decimal]


def build_focus(
    settings: Settings,
    name: str,
    version: Version = "1.2",
    formats: Sequence[Format] = FORMATS,
    views: Sequence[View] = VIEWS,
    as_known_on: datetime | None = None,
    calendar: str | None = None,
) -> list[FocusFile]:
    """Write the FOCUS files of a period: of a closed one from its closed books, once for ever.

    Args:
        settings: where the marts and reports lie.
        name: `YYYY-MM`, or the name of a fiscal period.
        version: of FOCUS.
        formats: of the files.
        views: of the cost.
        as_known_on: read the books as they were known then; as they are where not given.
        calendar: the fiscal calendar that the period is of, where several have one of its name.

    Raises:
        PeriodError: when there is no period of that name.
        NoDataError: when nothing is published for it.
        MartError: when a mart is missing or of another version.
        NotYetKnownError: when there were no books at the moment asked for.
        FocusCheckError: when the rows break a rule; nothing is written then.
    """
    period = named(name, settings.published_parquet, calendar)
    with edition(settings, period, as_known_on) as chosen:
        placed = replace(chosen, folder=chosen.folder / "focus")
        datasets = focus_datasets(read_inputs(chosen.marts, period), period, version)
        return [
            _write(
                datasets[view], view, placed, f"{_name(period, version, view)}.{format_}", format_
            )
            for view in views
            for format_ in formats
        ]


def focus_datasets(inputs: Inputs, period: Period, version: Version) -> dict[View, pl.DataFrame]:
    """Both views of a period, checked.

    Raises:
        FocusCheckError: when the rows break a rule.
    """
    _refuse("supply", list(entries_have_charges(inputs)))
    lines = supply_rows(inputs, period)
    entries = targets(inputs, lines)
    rows = pl.concat([token_rows(inputs), other_rows(entries)], how="diagonal")
    allocated = with_allocation(shown(rows, inputs), elements(inputs, entries))
    supply = dataset(lines, period, version)
    showback = dataset(allocated, period, version)
    for view, made in (("supply", supply), ("showback", showback)):
        _refuse(view, findings(made, version))
    _refuse(
        "supply",
        [
            *invoices_are_whole(supply, inputs, period),
            *commitments_are_spent(supply, inputs, period),
        ],
    )
    wrong = list(views_are_equal(supply, showback, inputs))
    if "AllocatedMethodDetails" in showback.columns:
        wrong += charges_are_split(supply, showback)
    _refuse("showback", wrong)
    return {"supply": supply, "showback": showback}


def _refuse(view: str, wrong: list[str]) -> None:
    if wrong:
        raise FocusCheckError(view, wrong)


def _name(period: Period, version: Version, view: View) -> str:
    return f"focus_cost_and_usage-{period}-{version}-{view}"


def _write(
    rows: pl.DataFrame, view: View, placed: Edition, name: str, format_: Format
) -> FocusFile:
    """One file in its place; equal rows make equal bytes."""
    write = _write_parquet if format_ == "parquet" else _write_csv
    path = placed.put(lambda beside: write(rows, beside), name)
    billed = rows.group_by("BillingCurrency").agg(pl.col("BilledCost").sum())
    return FocusFile(
        view, path, rows.height, effective_by_currency(rows), dict(sorted(billed.iter_rows()))
    )


def _write_parquet(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="zstd", row_group_size=122_880)


def _write_csv(rows: pl.DataFrame, path: Path) -> None:
    moments = [name for name, kind in rows.schema.items() if kind == INSTANT]
    rows.with_columns(pl.col(moments).dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(path)
