"""Contract -> Great Expectations suite -> plain result.

Belongs here: the rendering of a contract as expectations, and running them on a frame. Great
Expectations takes seconds to import, so it is imported inside the functions. Its pandas engine sees
no types (a nullable bigint becomes a float), so types are compared on the file's own schema before.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.checks.findings import Finding, TableResult, merged
from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.errors import TokenworksError

# Rows that are pandas objects at one time; measured: 200,000 request rows are about 300 MB as such.
BATCH_ROWS = 200_000
RECORD = ("source_digest", "source_line")


@dataclass(frozen=True)
class Rule:
    """One expectation and its words.

    Attributes:
        expectation: name of the Great Expectations class.
        arguments: its arguments.
        column: the column or columns, for the message.
        words: what a value must be, for the message.
    """

    expectation: str
    arguments: dict[str, Any]
    column: str
    words: str


class CheckError(TokenworksError):
    """A rule that Great Expectations could not evaluate: a fault of the check, not of the rows."""

    def __init__(self, rule: Rule, reason: str) -> None:
        self.rule = rule
        super().__init__(
            f"{rule.expectation} could not be evaluated on {rule.column} ({rule.words}): {reason}. "
            "Compare the column's type in the lake with its contract."
        )


def value_rules(contract: Contract, event_date: date | None = None) -> list[Rule]:
    """Rules that each row keeps by itself: nulls, ranges, enumerations, the partition's date."""
    rules = [rule for column in contract.all_columns for rule in _column_rules(column)]
    if event_date is not None:
        rules.append(_partition_rule(contract, event_date))
    return rules


def _column_rules(column: Column) -> Iterator[Rule]:
    name = column.name
    if column.required:
        yield Rule("ExpectColumnValuesToNotBeNull", {"column": name}, name, "must not be null")
    if column.minimum is not None or column.maximum is not None:
        bounds = {"min_value": column.minimum, "max_value": column.maximum}
        words = _bounds_words(column.minimum, column.maximum)
        yield Rule("ExpectColumnValuesToBeBetween", {"column": name, **bounds}, name, words)
    if column.allowed:
        values = list(column.allowed)
        words = f"must be one of {', '.join(values)}"
        yield Rule(
            "ExpectColumnValuesToBeInSet", {"column": name, "value_set": values}, name, words
        )


def _bounds_words(minimum: float | None, maximum: float | None) -> str:
    if maximum is None:
        return f"must be at least {minimum:g}"
    if minimum is None:
        return f"must be at most {maximum:g}"
    return f"must be between {minimum:g} and {maximum:g}"


def _partition_rule(contract: Contract, event_date: date) -> Rule:
    # Dates are midnights in pandas, so one rule serves timestamps and dates.
    midnight = datetime.combine(event_date, time())
    return Rule(
        "ExpectColumnValuesToBeBetween",
        {
            "column": contract.event_time,
            "min_value": midnight,
            "max_value": midnight + timedelta(days=1),
            "strict_max": True,
        },
        contract.event_time,
        f"must lie on its partition's date {event_date.isoformat()}",
    )


def record_rule(contract: Contract) -> Rule:
    """A record of a landing file stands in the lake once.

    Rows that repeat the contract's key under another record are duplicates of the emitter, which
    the warehouse drops; the same record twice is a fault of ingest.
    """
    columns = list(dict.fromkeys((*RECORD, *contract.key)))
    return Rule(
        "ExpectCompoundColumnsToBeUnique",
        {"column_list": columns},
        ", ".join(columns),
        "must be unique (a record was ingested twice)",
    )


def schema_findings(
    contract: Contract, schema: Mapping[str, pl.DataType], file: str
) -> list[Finding]:
    """Columns of a lake file that are missing, unknown, or of another type than the contract says."""
    expected = polars_schema(contract)
    findings = [
        Finding(name, f"must be {kind}", 1, f"{schema.get(name, 'missing')} in {file}")
        for name, kind in expected.items()
        if schema.get(name) != kind
    ]
    findings += [
        Finding(name, "must not exist, as no contract describes it", 1, f"{kind} in {file}")
        for name, kind in schema.items()
        if name not in expected
    ]
    return findings


def validate(
    contract: Contract, frame: pl.DataFrame, event_date: date | None = None
) -> TableResult:
    """The contract's rules on rows of its table.

    Args:
        contract: the table's contract.
        frame: rows with the contract's columns; others are not looked at.
        event_date: the partition that all rows must belong to, None to leave that rule out.
    """
    return validate_scan(contract, frame.lazy(), frame.height, event_date)


def validate_scan(
    contract: Contract, rows: pl.LazyFrame, height: int, event_date: date | None = None
) -> TableResult:
    """The same on rows that may not fit in memory: `BATCH_ROWS` of them at a time."""
    rules, once = value_rules(contract, event_date), record_rule(contract)
    record = once.arguments["column_list"]
    # Only columns that a rule names become pandas objects: the engine hashes all that it is given.
    named = {rule.column for rule in rules} | {"source_file", "source_line"}
    values = rows.select(sorted(named))
    repeated = rows.select(list(dict.fromkeys([*record, "source_file"]))).filter(
        pl.struct(record).is_duplicated()
    )
    with _great_expectations() as gx:
        results = [
            _run(gx, contract, rules, values.slice(offset, BATCH_ROWS).collect())
            for offset in range(0, height, BATCH_ROWS)
        ]
        results.append(_run(gx, contract, [once], repeated.collect()))
    total = merged(contract.table, results)
    return TableResult(contract.table, height, len(rules) + 1, total.findings)


@contextmanager
def _great_expectations() -> Iterator[Any]:
    """Great Expectations with its analytics and warnings off, imported on first use."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # Its own use of pandas and marshmallow warns; none of it is ours to mend.
        warnings.simplefilter("ignore")
        import great_expectations

        yield great_expectations


def _run(gx: Any, contract: Contract, rules: list[Rule], frame: pl.DataFrame) -> TableResult:
    if frame.is_empty():
        return TableResult(contract.table, 0, len(rules), ())
    batch = _batch(gx, contract.table, frame)
    suite = gx.ExpectationSuite(
        name=contract.table,
        expectations=[
            getattr(gx.expectations, rule.expectation)(**rule.arguments, meta={"rule": number})
            for number, rule in enumerate(rules)
        ],
    )
    outcome = batch.validate(
        suite,
        result_format={
            "result_format": "SUMMARY",
            "partial_unexpected_count": 1,
            "unexpected_index_column_names": ["source_file", "source_line"],
        },
    )
    findings = tuple(
        _finding(rules[result.expectation_config.meta["rule"]], result)
        for result in outcome.results
        if not result.success
    )
    return TableResult(contract.table, frame.height, len(rules), findings)


def _batch(gx: Any, table: str, frame: pl.DataFrame) -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset(table)
    definition = asset.add_batch_definition_whole_dataframe("rows")
    return definition.get_batch({"dataframe": frame.to_pandas()})


def _finding(rule: Rule, result: Any) -> Finding:
    if "unexpected_count" not in result.result:
        raise CheckError(rule, str(result.exception_info))
    first = (result.result.get("partial_unexpected_index_list") or [{}])[0]
    names = rule.column.split(", ")
    sample = "null" if "null" in rule.words else ", ".join(_text(first.get(name)) for name in names)
    line = first.get("source_line")
    return Finding(
        rule.column,
        rule.words,
        int(result.result["unexpected_count"]),
        sample,
        first.get("source_file"),
        None if line is None else int(line),
    )


def _text(value: object) -> str:
    """The value without the decimals that pandas or the contract's scale added."""
    text = str(value)
    if isinstance(value, float | Decimal) and "." in text and "e" not in text.lower():
        return text.rstrip("0").rstrip(".")
    return text
