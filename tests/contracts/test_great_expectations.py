"""Every contract becomes a Great Expectations suite that passes good rows and names bad ones."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tokenworks.checks.suites import BATCH_ROWS, record_rule, schema_findings, validate, value_rules
from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.contracts.render import polars_schema

NOON = datetime(2026, 9, 3, 12)
DAY = date(2026, 9, 3)


def good_value(column: Column) -> Any:
    """A value that every rule of the column allows."""
    if column.allowed:
        return column.allowed[0]
    number = column.minimum or 0
    return {
        "string": "a",
        "bigint": int(number),
        "double": float(number),
        "boolean": True,
        "timestamp": NOON,
        "date": DAY,
        "decimal(38,12)": Decimal(int(number)),
        "list<bigint>": [1, 2],
        "list<double>": [0.5, 1.0],
    }[column.type]


def frame_of(contract: Contract, *changes: dict[str, Any]) -> pl.DataFrame:
    """Good rows of a table, one per change, on lines 1, 2, …"""
    good = {column.name: good_value(column) for column in contract.all_columns}
    good |= {"source_file": "requests/litellm/a.jsonl", "source_digest": "d1"}
    rows = [{**good, "source_line": line, **change} for line, change in enumerate(changes, 1)]
    return pl.DataFrame(rows, schema=polars_schema(contract))


@pytest.mark.parametrize("table", sorted(CONTRACTS))
def test_suite_passes_when_rows_keep_the_contract(table: str) -> None:
    contract = CONTRACTS[table]
    result = validate(contract, frame_of(contract, {}, {}), DAY)
    assert result.passed, result.message
    assert result.rows == 2
    assert result.rules == len(value_rules(contract, DAY)) + 1


@pytest.mark.parametrize("table", sorted(CONTRACTS))
def test_suite_names_the_column_when_a_required_value_is_null(table: str) -> None:
    contract = CONTRACTS[table]
    column = next(column.name for column in contract.columns if column.required)
    result = validate(contract, frame_of(contract, {}, {column: None}, {}), DAY)
    assert [finding.message for finding in result.findings] == [
        f"{column} must not be null: 1 row, for example null in requests/litellm/a.jsonl, line 2"
    ]


def test_suite_names_value_and_line_when_a_number_is_below_its_minimum() -> None:
    frame = frame_of(CONTRACTS["requests"], {}, {"output_total_tokens": -7}, {})
    result = validate(CONTRACTS["requests"], frame, DAY)
    assert result.message == (
        "requests: output_total_tokens must be at least 0: 1 row, for example -7 "
        "in requests/litellm/a.jsonl, line 2"
    )


def test_suite_names_value_when_a_decimal_is_below_its_minimum() -> None:
    frame = frame_of(CONTRACTS["prices"], {"price_per_million_tokens": Decimal("-0.5")})
    result = validate(CONTRACTS["prices"], frame, DAY)
    assert result.message == (
        "prices: price_per_million_tokens must be at least 0: 1 row, for example -0.5 "
        "in requests/litellm/a.jsonl, line 1"
    )


def test_suite_names_value_when_a_ratio_is_above_one() -> None:
    frame = frame_of(CONTRACTS["gpu_samples"], {"gpu_util_ratio": 97.0}, {"gpu_util_ratio": 98.0})
    result = validate(CONTRACTS["gpu_samples"], frame, DAY)
    assert result.message == (
        "gpu_samples: gpu_util_ratio must be between 0 and 1: 2 rows, for example 97 "
        "in requests/litellm/a.jsonl, line 1"
    )


def test_suite_names_value_when_a_word_is_not_allowed() -> None:
    result = validate(
        CONTRACTS["requests"], frame_of(CONTRACTS["requests"], {"clock": "local"}), DAY
    )
    assert result.message == (
        "requests: clock must be one of utc, relative: 1 row, for example local "
        "in requests/litellm/a.jsonl, line 1"
    )


def test_suite_names_value_when_a_row_lies_in_another_days_partition() -> None:
    frame = frame_of(CONTRACTS["requests"], {}, {"started_at": datetime(2026, 9, 4)})
    result = validate(CONTRACTS["requests"], frame, DAY)
    assert result.message == (
        "requests: started_at must lie on its partition's date 2026-09-03: 1 row, for example "
        "2026-09-04 00:00:00 in requests/litellm/a.jsonl, line 2"
    )


def test_suite_names_value_when_a_date_lies_in_another_days_partition() -> None:
    frame = frame_of(CONTRACTS["fx_rates"], {"rate_date": date(2026, 9, 2)})
    result = validate(CONTRACTS["fx_rates"], frame, DAY)
    assert result.message == (
        "fx_rates: rate_date must lie on its partition's date 2026-09-03: 1 row, for example "
        "2026-09-02 00:00:00 in requests/litellm/a.jsonl, line 1"
    )


def test_suite_fails_when_a_record_was_ingested_twice() -> None:
    frame = frame_of(CONTRACTS["requests"], {"source_line": 5}, {"source_line": 5}, {})
    result = validate(CONTRACTS["requests"], frame, DAY)
    assert result.message == (
        "requests: source_digest, source_line, emitter, request_id must be unique (a record was "
        "ingested twice): 2 rows, for example d1, 5, a, a in requests/litellm/a.jsonl, line 5"
    )


def test_suite_passes_when_an_emitter_repeats_a_request_on_another_line() -> None:
    frame = frame_of(CONTRACTS["requests"], {"request_id": "r1"}, {"request_id": "r1"})
    assert validate(CONTRACTS["requests"], frame, DAY).passed
    assert record_rule(CONTRACTS["requests"]).arguments["column_list"][:2] == [
        "source_digest",
        "source_line",
    ]


def test_findings_add_up_when_rows_exceed_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BATCH_ROWS == 200_000
    monkeypatch.setattr("tokenworks.checks.suites.BATCH_ROWS", 2)
    changes = [{"attempt": 0}, {}, {"attempt": -1}, {}, {"attempt": 0}]
    result = validate(CONTRACTS["requests"], frame_of(CONTRACTS["requests"], *changes), DAY)
    assert result.rows == 5
    assert result.message == (
        "requests: attempt must be at least 1: 3 rows, for example 0 "
        "in requests/litellm/a.jsonl, line 1"
    )


def test_result_passes_when_there_are_no_rows() -> None:
    result = validate(CONTRACTS["charges"], frame_of(CONTRACTS["charges"]), DAY)
    assert (result.passed, result.rows) == (True, 0)


def test_schema_is_named_when_a_file_has_other_columns() -> None:
    contract = CONTRACTS["fx_rates"]
    schema = polars_schema(contract)
    assert schema_findings(contract, schema, "a.parquet") == []
    changed = {**schema, "rate": pl.Float64(), "note": pl.String()}
    del changed["quote_currency"]
    assert [finding.message for finding in schema_findings(contract, changed, "a.parquet")] == [
        "quote_currency must be String: 1 row, for example missing in a.parquet",
        ("rate must be Decimal(precision=38, scale=12): 1 row, for example Float64 in a.parquet"),
        (
            "note must not exist, as no contract describes it: 1 row, for example "
            "String in a.parquet"
        ),
    ]
