"""Dumps of a Prometheus server as Parquet: every shape of labels, bad rows, damage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.connectors.prometheus_cases import (
    AT,
    ENGINE,
    IngestFile,
    check_two_instants,
    ingested,
    long_rows,
)
from tokenworks_sources.connectors.engine_samples.prometheus_dump import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of


def as_map(rows: list[dict[str, str]]) -> pa.Array:
    """Labels as a map."""
    return pa.array([list(row.items()) for row in rows], pa.map_(pa.string(), pa.string()))


def parquet_of(shape: str) -> pa.Table:
    """The same samples in one of the usual shapes."""
    times, names, labels, values = (list(column) for column in zip(*long_rows(), strict=True))
    named = [{"__name__": name} | row for name, row in zip(names, labels, strict=True)]
    keys = sorted({key for row in labels for key in row})
    moments = [datetime.fromtimestamp(time / 1000, UTC) for time in times]
    text = [",".join(f'{key}="{value}"' for key, value in row.items()) for row in labels]
    tables: dict[str, dict[str, object]] = {
        "map": {"timestamp": times, "value": values, "__name__": names, "labels": as_map(labels)},
        "map of all": {
            "timestamp": pa.array(moments, pa.timestamp("us", "UTC")),
            "value": values,
            "labels": as_map(named),
        },
        "struct": {
            "timestamp": pa.array(
                [moment.replace(tzinfo=None) for moment in moments], pa.timestamp("ms")
            ),
            "value": values,
            "metric": pa.array([dict.fromkeys(keys) | row for row in named]),
        },
        "json": {
            "time": [time / 1000 for time in times],
            "value": [str(value) for value in values],
            "__name__": names,
            "labels": [json.dumps(row) for row in labels],
        },
        "text": {
            "ts": [time * 1_000_000 for time in times],
            "value": values,
            "__name__": [f"{name}{{{row}}}" for name, row in zip(names, text, strict=True)],
        },
        "list": {
            "timestamp": times,
            "value": values,
            "labels": [[{"name": k, "value": v} for k, v in row.items()] for row in named],
        },
        "columns": {
            "timestamp": times,
            "value": values,
            "__name__": pa.array(names).dictionary_encode(),
            **{key: [row.get(key) for row in labels] for key in keys},
        },
        # What pandas makes of the same in CSV: whole numbers are floats where some are missing.
        "numbers": {
            "timestamp": times,
            "value": values,
            "__name__": names,
            **{key: [row.get(key) for row in labels] for key in keys},
            **{
                key: pa.array([float(row.get(key, "nan")) for row in labels])
                for key in ("engine", "gpu", "le")
            },
        },
    }
    return pa.table(tables[shape])


@pytest.mark.parametrize(
    "shape", ["map", "map of all", "struct", "json", "text", "list", "columns", "numbers"]
)
def test_rows_are_the_same_when_samples_lie_in_parquet(
    ingest_file: IngestFile, tmp_path: Path, shape: str
) -> None:
    path = tmp_path / "samples.parquet"
    pq.write_table(parquet_of(shape), path, row_group_size=3)
    check_two_instants(ingested(ingest_file, path))


def test_engines_stay_apart_when_their_index_is_a_number(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "samples.parquet"
    samples = {"timestamp": [AT, AT], "value": [3.0, 4.0], "engine": [0, 1]}
    labels = {"__name__": "vllm:num_requests_running", "instance": "a:8000", "model_name": "m"}
    table = pl.DataFrame(samples).with_columns(**{k: pl.lit(v) for k, v in labels.items()})
    table.write_parquet(path)
    rows = ingested(ingest_file, path).frames["engine_samples"].sort("engine_index")
    assert rows.select("engine_index", "requests_running").rows() == [("0", 3.0), ("1", 4.0)]


def test_rows_are_rejected_by_their_number_when_a_table_has_bad_ones(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "samples.parquet"
    good = json.dumps(ENGINE)
    table = pl.DataFrame(
        {
            "timestamp": [AT * 1000, AT * 1000, None, AT * 1000, 5, AT * 1000],
            "value": ["4", "x", "4", None, "4", "4"],
            "__name__": ["vllm:num_requests_running"] * 6,
            "labels": [good, good, good, good, good, "[" * 5000],
        }
    )
    table.write_parquet(path)
    outcome = ingested(ingest_file, path)
    assert outcome.frames["engine_samples"]["requests_running"].to_list() == [4.0]
    found = outcome.rejects.sort("source_line").select("source_line", "reason").rows()
    assert found == [
        (2, "value: not a number"),
        (3, "timestamp: no time between 2000 and 2100"),
        (4, "value: not a number"),
        (5, "timestamp: no time between 2000 and 2100"),
        (6, "labels: not readable"),
    ]


def test_a_clear_error_names_the_file_when_parquet_is_damaged(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "samples.parquet"
    pq.write_table(parquet_of("map"), path)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    assert CONNECTOR.recognise(preview_of(path)) is None
    with pytest.raises(LandingFileError, match="damaged"):
        ingest_file(path, CONNECTOR)
    content[20:400] = b"\xff" * 380
    path.write_bytes(content)
    with pytest.raises(LandingFileError, match="cannot be read"):
        ingest_file(path, CONNECTOR)


def test_other_tables_are_not_claimed_when_they_hold_times_and_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"timestamp": [1], "value": [2.0], "meter": ["m"]}).write_parquet(path)
    assert CONNECTOR.recognise(preview_of(path)) is None
    for text in ('{"status":"success","data":[]}', '{"result":[{"metric":{}}]}', "[1]"):
        path.write_text(text)
        assert CONNECTOR.recognise(preview_of(path)) is None
