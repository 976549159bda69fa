"""Contracts against what is rendered from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
import yaml

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.contracts import rendering
from tokenworks_sources.contracts.enforce import conform, sql_violation
from tokenworks_sources.contracts.model import Column, Contract, Rule
from tokenworks_sources.contracts.registry import CONTRACTS, contract_of
from tokenworks_sources.contracts.render import arrow_schema, dbt_sources, polars_schema
from tokenworks_sources.errors import ContractError, UnknownTableError

FILE = LandingFile(Path("x.csv"), "things/mapped/x.csv", "d1")

THINGS = Contract(
    table="things",
    grain="one thing",
    description="For tests.",
    event_time="seen_at",
    key=("thing_id",),
    columns=(
        Column("thing_id", "string", "Id.", required=True),
        Column("seen_at", "timestamp", "When.", "UTC", required=True),
        Column("share_ratio", "double", "Share.", "1", minimum=0, maximum=1),
        Column("kind", "string", "Kind.", allowed=("a", "b")),
        Column("part", "bigint", "Part."),
        Column("whole", "bigint", "Whole."),
    ),
    rules=(Rule("part > whole", "part: more than whole"),),
)


def _frame(**columns: list[object]) -> pl.DataFrame:
    rows = max(len(values) for values in columns.values())
    base: dict[str, list[object]] = {
        "thing_id": [f"t{n}" for n in range(rows)],
        "seen_at": ["2026-10-19T00:00:00"] * rows,
        "source_line": list(range(1, rows + 1)),
    }
    frame = pl.DataFrame({**base, **columns}, strict=False)
    return frame.with_columns(pl.col("seen_at").str.to_datetime(time_unit="us"))


def test_no_rendering_has_drifted(root: Path) -> None:
    assert rendering.drifted(root) == []


def test_arrow_fields_carry_description_and_unit() -> None:
    field = arrow_schema(contract_of("energy_readings")).field("energy_kwh")
    assert field.metadata == {b"description": b"Energy in the interval.", b"unit": b"kW.h"}
    assert field.type == pa.float64()


def test_polars_and_arrow_schemas_agree_for_every_contract() -> None:
    for contract in CONTRACTS.values():
        empty = pl.DataFrame(schema=polars_schema(contract)).to_arrow()
        assert empty.cast(arrow_schema(contract)).schema.names == list(polars_schema(contract))


def test_dbt_sources_list_every_table_and_column() -> None:
    document = yaml.safe_load(dbt_sources(CONTRACTS.values()))
    tables = {table["name"]: table for table in document["sources"][0]["tables"]}
    assert set(tables) == set(CONTRACTS)
    names = [column["name"] for column in tables["fx_rates"]["columns"]]
    assert names == [
        "rate_date",
        "base_currency",
        "quote_currency",
        "rate",
        "source_file",
        "source_line",
        "source_digest",
        "event_date",
    ]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"thing_id": [None]}, "thing_id: missing"),
        ({"share_ratio": [1.5]}, "share_ratio: above 1"),
        ({"share_ratio": [-0.1]}, "share_ratio: below 0"),
        ({"share_ratio": [float("nan")]}, "share_ratio: not a finite number"),
        ({"kind": ["c"]}, "kind: not one of a, b"),
        ({"part": [3], "whole": [2]}, "part: more than whole"),
        (
            {"seen_at": ["1970-01-21T00:00:00"]},
            "seen_at: outside 2000 to 2100; check the unit of the epoch",
        ),
    ],
)
def test_row_becomes_a_reject_when_it_breaks_a_rule(
    columns: dict[str, list[object]], reason: str
) -> None:
    frame = _frame(**columns)
    rows, rejects = conform(THINGS, frame, FILE)
    assert rows.height == 0
    assert rejects.rows() == [(1, reason, None, 1)]
    typed = frame.select(
        *(
            (pl.col(column.name) if column.name in frame.columns else pl.lit(None))
            .cast(polars_schema(THINGS)[column.name])
            .alias(column.name)
            for column in THINGS.columns
        )
    )
    with duckdb.connect() as connection:
        connection.register("typed", typed.to_arrow())
        found = connection.execute(f"select {sql_violation(THINGS)} from typed").fetchone()
    assert found == (reason,)


@pytest.mark.parametrize(("currency", "kept"), [("KWD", True), ("DOLLARS", False), ("usd", False)])
def test_bill_is_rejected_when_nothing_can_be_billed_in_its_currency(
    currency: str, kept: bool
) -> None:
    bill = {"bill_id": "B", "line_id": "1", "meter_id": "M", "kind": "energy", "currency": currency,
            "period_start": datetime(2026, 9, 1), "period_end": datetime(2026, 10, 1),
            "amount": Decimal(1), "source_line": 1}  # fmt: skip
    rows, rejects = conform(CONTRACTS["energy_bills"], pl.DataFrame([bill]), FILE)
    assert rows.height == int(kept)
    assert rejects["reason"].to_list() == ([] if kept else ["currency: not a code of ISO 4217"])


def test_unknown_stays_null_when_a_column_is_absent() -> None:
    rows, rejects = conform(THINGS, _frame(kind=["a"]), FILE)
    assert rejects.height == 0
    assert rows["share_ratio"].to_list() == [None]
    assert rows["part"].to_list() == [None]


def test_connector_fault_is_an_error_when_it_writes_an_unknown_column() -> None:
    with pytest.raises(ContractError, match=r"things has no column \['shade'\]"):
        conform(THINGS, _frame(shade=["red"]), FILE)


def test_error_lists_the_tables_when_one_is_unknown() -> None:
    with pytest.raises(
        UnknownTableError, match=r"There is no table 'request'. Use one of: benchmark_runs, charges"
    ):
        contract_of("request")
