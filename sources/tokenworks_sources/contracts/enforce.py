"""Rows against their contract: what conforms, and what becomes a reject with its reason.

Pure: a frame in, two frames out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from polars.exceptions import PolarsError

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.contracts.model import PARTITION_COLUMN, Column, Contract
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.errors import ContractError

# Outside these an epoch was read in the wrong unit (metrics §9, E7).
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


def conform(
    contract: Contract, frame: pl.DataFrame, file: LandingFile
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Splits rows into those that the contract allows and rejects.

    Args:
        contract: the table's contract.
        frame: rows with `source_line` and any columns of the contract; `_raw`, `_records` optional.
        file: the landing file, for provenance.

    Returns:
        rows: the contract's columns in order, then `event_date` and `_records`.
        rejects: columns line, reason, raw, records.

    Raises:
        ContractError: a column that the contract does not know, or a type that does not cast.
    """
    schema = polars_schema(contract)
    unknown = set(frame.columns) - set(schema) - {"_raw", "_records"}
    if unknown:
        raise ContractError(f"{file.name}: {contract.table} has no column {sorted(unknown)}.")
    reason = _first_violation(contract, contract.all_columns).alias("_reason")
    typed = _typed(contract, frame, file).with_columns(reason)
    good = typed.filter(pl.col("_reason").is_null())
    bad = typed.filter(pl.col("_reason").is_not_null())
    rows = good.select(
        *schema, pl.col(contract.event_time).cast(pl.Date).alias(PARTITION_COLUMN), "_records"
    )
    rejects = bad.select(
        pl.col("source_line").fill_null(1).alias("line"),
        pl.col("_reason").alias("reason"),
        pl.col("_raw").alias("raw"),
        pl.col("_records").alias("records"),
    )
    return rows, rejects


def _typed(contract: Contract, frame: pl.DataFrame, file: LandingFile) -> pl.DataFrame:
    given = {
        "source_file": pl.lit(file.name),
        "source_digest": pl.lit(file.digest),
        "_raw": pl.col("_raw") if "_raw" in frame.columns else pl.lit(None),
        "_records": pl.col("_records") if "_records" in frame.columns else pl.lit(1),
    }
    schema = {**polars_schema(contract), "_raw": pl.String(), "_records": pl.Int64()}
    columns = [
        given.get(name, pl.col(name) if name in frame.columns else pl.lit(None))
        .cast(kind, strict=True)
        .alias(name)
        for name, kind in schema.items()
    ]
    try:
        return frame.select(columns)
    except PolarsError as error:
        raise ContractError(
            f"{file.name}: {contract.table}: {str(error).splitlines()[0]}"
        ) from error


def reasons(contract: Contract, frame: pl.DataFrame) -> pl.Series:
    """Why each row would be rejected, null where it would not; columns that the frame lacks are null.

    For rows that become others before they are written: those of one that breaks a rule need not.
    """
    kinds = polars_schema(contract)
    own = frame.select(
        (pl.col(column.name) if column.name in frame.columns else pl.lit(None))
        .cast(kinds[column.name])
        .alias(column.name)
        for column in contract.columns
    )
    return own.select(_first_violation(contract, contract.columns).alias("reason")).to_series()


def _first_violation(contract: Contract, columns: Sequence[Column]) -> pl.Expr:
    violations = [expression for column in columns for expression in _violations(column)]
    violations += [_reason(pl.sql_expr(rule.broken), rule.description) for rule in contract.rules]
    event_date = pl.col(contract.event_time).cast(pl.Date)
    violations.append(
        _reason(
            (event_date < EARLIEST) | (event_date >= LATEST),
            f"{contract.event_time}: outside {EARLIEST.year} to {LATEST.year}; check the unit of the epoch",
        )
    )
    return pl.coalesce(violations)


def _violations(column: Column) -> list[pl.Expr]:
    value = pl.col(column.name)
    found = []
    if column.required:
        found.append(_reason(value.is_null(), f"{column.name}: missing"))
    if column.type == "double":
        found.append(_reason(~value.is_finite(), f"{column.name}: not a finite number"))
    if column.minimum is not None:
        found.append(_reason(value < column.minimum, f"{column.name}: below {column.minimum:g}"))
    if column.maximum is not None:
        found.append(_reason(value > column.maximum, f"{column.name}: above {column.maximum:g}"))
    if column.allowed:
        found.append(
            _reason(
                ~value.is_in(column.allowed),
                f"{column.name}: not one of {', '.join(column.allowed)}",
            )
        )
    return found


def _reason(broken: pl.Expr, text: str) -> pl.Expr:
    return pl.when(broken.fill_null(False)).then(pl.lit(text)).otherwise(pl.lit(None, pl.String))


def sql_violation(contract: Contract) -> str:
    """The rules of `conform` as one SQL expression: the first reason, or null where all hold.

    For connectors that stream a DuckDB query into `Sink.copy`. Columns are taken to be typed.
    """
    cases = [case for column in contract.columns for case in _sql_cases(column)]
    cases += [f"when {rule.broken} then {_text(rule.description)}" for rule in contract.rules]
    time = contract.event_time
    cases.append(
        f"when {time} < timestamp '{EARLIEST}' or {time} >= timestamp '{LATEST}' then "
        + _text(f"{time}: outside {EARLIEST.year} to {LATEST.year}; check the unit of the epoch")
    )
    return "case " + " ".join(cases) + " end"


def _sql_cases(column: Column) -> list[str]:
    name, cases = column.name, []
    if column.required:
        cases.append(f"when {name} is null then {_text(f'{name}: missing')}")
    if column.type == "double":
        cases.append(f"when not isfinite({name}) then {_text(f'{name}: not a finite number')}")
    if column.minimum is not None:
        reason = _text(f"{name}: below {column.minimum:g}")
        cases.append(f"when {name} < {column.minimum:g} then {reason}")
    if column.maximum is not None:
        reason = _text(f"{name}: above {column.maximum:g}")
        cases.append(f"when {name} > {column.maximum:g} then {reason}")
    if column.allowed:
        values = ", ".join(_text(value) for value in column.allowed)
        reason = _text(f"{name}: not one of {', '.join(column.allowed)}")
        cases.append(f"when {name} not in ({values}) then {reason}")
    return cases


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
