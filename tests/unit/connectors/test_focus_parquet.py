"""FOCUS Parquet files: the same money and times whatever the column types are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokenworks_sources.connectors.charges.focus import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

ROW = {
    "BillingAccountId": "acct-1",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "BillingPeriodEnd": "2024-10-01T00:00:00Z",
    "ChargePeriodStart": "2024-09-18T22:00:00Z",
    "ChargePeriodEnd": "2024-09-18T23:00:00Z",
    "ChargeCategory": "Usage",
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
}


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: pa.Table):
        path = tmp_path / "bills" / "focus.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(content, path)
        outcome = ingest_file(path, CONNECTOR)
        return outcome.frames["charges"], outcome.rejects, outcome.manifest

    return run


def parquet(**columns: pa.Array) -> pa.Table:
    plain = {name: pa.array([value]) for name, value in ROW.items()}
    return pa.table({**plain, **columns})


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (pa.array([Decimal("0.123456789012")], pa.decimal128(38, 12)), "0.123456789012"),
        (pa.array([Decimal("7.25")], pa.decimal128(18, 6)), "7.25"),
        (pa.array([0.1]), "0.1"),
        (pa.array([1e-7]), "0.0000001"),
        (pa.array([123456.789]), "123456.789"),
        (pa.array([3], pa.int64()), "3"),
        (pa.array(["0.30"]), "0.3"),
    ],
    ids=["decimal", "short decimal", "double", "small double", "long double", "integer", "text"],
)
def test_costs_are_the_written_decimal_when_parquet_holds_another_type(
    ingest, array: pa.Array, value: str
) -> None:
    rows, _, _ = ingest(parquet(BilledCost=array))
    assert rows["billed_cost"].to_list() == [Decimal(value)]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([datetime(2024, 9, 18, 22)], pa.timestamp("us")),
        pa.array([datetime(2024, 9, 18, 22)], pa.timestamp("ns")),
        pa.array([datetime(2024, 9, 18, 22, tzinfo=UTC)], pa.timestamp("ms", "America/New_York")),
        pa.array(["2024-09-19T00:00:00+02:00"]),
    ],
    ids=["naive", "nanoseconds", "zoned", "text"],
)
def test_times_are_utc_when_parquet_holds_another_type(ingest, array: pa.Array) -> None:
    rows, _, _ = ingest(parquet(ChargePeriodStart=array))
    assert rows["charge_period_start"].to_list() == [datetime(2024, 9, 18, 22)]


def test_tags_are_json_when_parquet_holds_a_map(ingest) -> None:
    tags = pa.array([[("team", "a"), ("env", "b")]], pa.map_(pa.string(), pa.string()))
    rows, _, _ = ingest(parquet(Tags=tags))
    assert rows.select("tags", "source_line").rows() == [('{"team":"a","env":"b"}', 1)]


def test_tags_are_json_when_parquet_holds_a_list_of_keys_and_values(ingest) -> None:
    pair = pa.struct(
        [("key", pa.string()), ("value", pa.string()), ("x_type", pa.string())],
    )
    own = {"key": "team", "value": "a", "x_type": "label"}
    handed_down = {"key": "team", "value": "project", "x_type": "project_label"}
    env = {"key": "env", "value": None, "x_type": "label"}
    tables = [
        parquet(Tags=pa.array([given], pa.list_(pair)))
        for given in ([own, env, handed_down], [], None)
    ]
    rows, _, _ = ingest(pa.concat_tables(tables))
    assert rows.sort("source_line")["tags"].to_list() == ['{"team":"a","env":null}', None, None]


def test_a_parquet_row_is_rejected_alone_when_its_double_is_no_number(ingest) -> None:
    twice = pa.concat_tables(
        [parquet(BilledCost=pa.array([number])) for number in (float("nan"), 2.5)]
    )
    rows, rejects, _ = ingest(twice)
    assert rows.select("source_line", "billed_cost").rows() == [(2, Decimal("2.5"))]
    assert rejects.select("source_line", "reason").rows() == [
        (1, "BilledCost: not a decimal number")
    ]


def test_parquet_is_recognised_by_its_columns_when_the_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export"
    pq.write_table(parquet(), path)
    assert (
        CONNECTOR.recognise(preview_of(path))
        == "FOCUS columns such as ChargeCategory and BilledCost"
    )
    pq.write_table(pa.table({"BilledCost": [1.0]}), path)
    assert CONNECTOR.recognise(preview_of(path)) is None


def test_one_clear_error_names_the_column_when_parquet_lacks_it(ingest) -> None:
    with pytest.raises(LandingFileError, match="the FOCUS columns EffectiveCost are missing"):
        ingest(parquet().drop_columns("EffectiveCost"))
