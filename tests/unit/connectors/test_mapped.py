"""Mapped files: units, times, clocks, filters, mappings beside the data, and real public traces."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import LandingFile, Preview
from tokenworks_sources.connectors.mapped import mapped, resolve
from tokenworks_sources.errors import LandingFileError

BY_TABLE = {connector.table: connector for connector in mapped.CONNECTORS}
REQUESTS = BY_TABLE["requests"]

Run = Callable[..., Any]

OWN = """
table: requests
format: csv
anchor: 2026-09-01T00:00:00+02:00
columns:
  emitter: {constant: gateway}
  request_id: {template: "{parent}/{stem}#{line}"}
  started_at: {from: start, time: iso, zone: Europe/Berlin}
  ended_at: {start: started_at, plus: took, unit: ms, optional: true}
  clock: {constant: utc}
  ttft_seconds: {from: ttft, unit: ms}
  input_total_tokens: {sum: [fresh, cached]}
  input_cache_read_tokens: cached
  output_total_tokens: out
  status: {from: ok, values: {"True": success, "False": failure}}
  is_streaming: stream
filters:
  - {column: kind, equals: warmup, reason: warm-up request}
"""
HEADER = "start,took,ttft,fresh,cached,out,ok,stream,kind"


@pytest.fixture
def run(tmp_path: Path, ingest_file: Any) -> Run:
    """Ingests text as a file with a mapping beside it."""

    def ingest(
        *lines: str, mapping: str | None = OWN, name: str = "log.csv", table: str = "requests"
    ) -> Any:
        folder = tmp_path / "run-7"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text("\n".join(lines))
        beside: tuple[Path, ...] = ()
        if mapping is not None:
            (folder / "mapping.yaml").write_text(mapping)
            beside = (folder / "mapping.yaml",)
        return ingest_file(path, BY_TABLE[table], beside)

    return ingest


def test_columns_and_units_are_mapped_when_the_mapping_lies_beside_the_file(run: Run) -> None:
    outcome = run(HEADER, "2026-09-01 12:00:00.1234567,2500,148.349,10,90,7,True,yes,chat")
    row = outcome.frames["requests"].row(0, named=True)
    assert row["request_id"] == "run-7/log#2"
    assert row["started_at"] == datetime(2026, 9, 1, 10, 0, 0, 123456)
    assert row["ended_at"] == datetime(2026, 9, 1, 10, 0, 2, 623456)
    assert row["ttft_seconds"] == 0.148349
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (100, 90)
    assert (row["status"], row["is_streaming"]) == ("success", True)


def test_unknown_stays_null_when_a_part_of_a_sum_is_missing(run: Run) -> None:
    outcome = run(HEADER, "2026-09-01 12:00:00,,,10,,7,False,,chat")
    row = outcome.frames["requests"].row(0, named=True)
    assert row["input_total_tokens"] is row["input_cache_read_tokens"] is None
    assert row["ended_at"] is row["ttft_seconds"] is row["is_streaming"] is None
    assert row["status"] == "failure"


def test_column_is_null_when_the_file_lacks_an_optional_one(run: Run) -> None:
    outcome = run(HEADER.replace("took,", ""), "2026-09-01 12:00:00,1,1,1,1,True,no,chat")
    assert outcome.frames["requests"]["ended_at"].to_list() == [None]


def test_every_record_is_kept_rejected_or_skipped_when_some_are_bad(run: Run) -> None:
    good = "2026-09-01 12:00:00,1,1,1,1,1,True,no,chat"
    outcome = run(
        HEADER,
        good,
        good.replace("2026-09-01", "2026-02-30"),
        good.replace("chat", "warmup"),
        "",
        good.replace(",1,1,1,1,1,", ",1,fast,1,1,1,"),
        good.replace(",1,1,1,1,1,", ",1,1,1.5,1,1,"),
        good.replace("True", "maybe"),
        good.replace(",no,", ",perhaps,"),
        "one,two",
        good.replace(",1,1,1,1,1,", ",1,nan,1,1,1,"),
        good.replace("2026-09-01 12", "2026-03-29 02"),
        good,
    )
    assert outcome.frames["requests"]["source_line"].to_list() == [2, 13]
    assert outcome.manifest.skipped == {"warm-up request": 1}
    assert outcome.rejects.sort("source_line").select("source_line", "reason").rows() == [
        (3, "start: not a time (iso)"),
        (6, "ttft: not a number"),
        (7, "fresh, cached: not numbers"),
        (8, "ok: not one of True, False"),
        (9, "stream: not true or false"),
        (10, "another number of fields than the header: 2, not 9"),
        (11, "ttft_seconds: not a finite number"),
        (12, "start: not a time (iso)"),
    ]


TIMES = [
    ("iso", "UTC", "2023-11-16 18:17:03.9799600", datetime(2023, 11, 16, 18, 17, 3, 979960)),
    ("iso", "UTC", "2023-11-16T18:17:03Z", datetime(2023, 11, 16, 18, 17, 3)),
    ("iso", "Asia/Kolkata", "2023-11-16T18:17:03+01:00", datetime(2023, 11, 16, 17, 17, 3)),
    ("iso", "Asia/Kolkata", "2023-11-16T18:17", datetime(2023, 11, 16, 12, 47)),
    ("iso", "UTC", "2023-11-16 23:59:59.999999999", datetime(2023, 11, 16, 23, 59, 59, 999999)),
    ("epoch_s", "UTC", "1770186511.146", datetime(2026, 2, 4, 6, 28, 31, 146000)),
    ("epoch_ms", "UTC", "1770186511146", datetime(2026, 2, 4, 6, 28, 31, 146000)),
    ("epoch_us", "UTC", "1770186511146123", datetime(2026, 2, 4, 6, 28, 31, 146123)),
    ("epoch_ns", "UTC", "1770186511146123987", datetime(2026, 2, 4, 6, 28, 31, 146123)),
    (
        "%m-%d-%Y %H:%M:%S%.f",
        "UTC",
        "07-17-2024 20:49:56.945",
        datetime(2024, 7, 17, 20, 49, 56, 945000),
    ),
    (
        "%Y/%m/%d %H:%M:%S%.f",
        "UTC",
        "2024/04/05 06:17:19.1234567",
        datetime(2024, 4, 5, 6, 17, 19, 123456),
    ),
    ("%d.%m.%Y %H:%M %z", "UTC", "05.04.2024 06:17 +0200", datetime(2024, 4, 5, 4, 17)),
]


@pytest.mark.parametrize(("form", "zone", "text", "expected"), TIMES)
def test_time_is_exact_to_the_microsecond_when_written_as_the_mapping_says(
    form: str, zone: str, text: str, expected: datetime, run: Run
) -> None:
    mapping = f"""
    extends: azure_llm_inference
    columns:
      started_at: {{from: TIMESTAMP, time: "{form}", zone: {zone}}}
    """
    outcome = run("TIMESTAMP,ContextTokens,GeneratedTokens", f"{text},1,2", mapping=mapping)
    assert outcome.frames["requests"]["started_at"].to_list() == [expected]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [("zero", [5.0, 3.5, 9.0]), ("first", [0.0, -1.5, 4.0]), ("minimum", [1.5, 0.0, 5.5])],
)
def test_relative_clock_stands_on_the_anchor_when_its_origin_is_named(
    origin: str, expected: list[float], run: Run
) -> None:
    mapping = f"""
    extends: mooncake
    anchor: 2026-03-01T12:00:00Z
    columns:
      started_at: {{from: timestamp, relative: ms, origin: {origin}}}
    """
    lines = [
        f'{{"timestamp": {at}, "input_length": 9, "output_length": 1, "hash_ids": [{at}]}}'
        for at in (5000, 3500, 9000)
    ]
    outcome = run(*lines, mapping=mapping, name="trace.jsonl")
    found = outcome.frames["requests"]
    start = datetime(2026, 3, 1, 12)
    assert found["started_at"].to_list() == [start + timedelta(seconds=at) for at in expected]
    assert found["prefix_block_hashes"].to_list() == [[5000], [3500], [9000]]


def test_jsonl_lines_become_rejects_when_they_are_no_records(run: Run) -> None:
    good = '{"timestamp": 0, "input_length": 9, "output_length": 1, "hash_ids": []}'
    outcome = run(
        good,
        "{oops",
        "[1]",
        "",
        good.replace("[]", "[1.5]"),
        good.replace("9", '"nine"'),
        good.replace('"timestamp": 0', '"timestamp": "noon"'),
        good.replace('"timestamp": 0,', ""),
        mapping=None,
        name="trace.jsonl",
    )
    assert outcome.frames["requests"].select("source_line", "prefix_block_hashes").rows() == [
        (1, [])
    ]
    assert outcome.rejects.sort("source_line").select("source_line", "reason").rows() == [
        (2, "not JSON"),
        (3, "not a JSON object"),
        (5, "hash_ids: not a list of numbers"),
        (6, "input_length: not a whole number"),
        (7, "timestamp: not a number of ms"),
        (8, "started_at: missing"),
    ]


def test_parquet_is_mapped_when_its_columns_are_typed(tmp_path: Path, ingest_file: Any) -> None:
    frame = pl.DataFrame(
        {
            "at": [datetime(2026, 9, 1, 12, tzinfo=UTC), None],
            "tokens": [5, 6],
            "share": [12.5, 1.0],
            "blocks": [[1, 2], []],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    frame.write_parquet(tmp_path / "log.parquet")
    (tmp_path / "mapping.yaml").write_text(
        """
        table: requests
        format: parquet
        columns:
          emitter: {constant: own}
          request_id: {template: "{line}"}
          started_at: {from: at, time: iso}
          clock: {constant: utc}
          status: {constant: success}
          input_total_tokens: tokens
          tpot_seconds: {from: share, unit: ms}
          prefix_block_hashes: blocks
        """
    )
    outcome = ingest_file(tmp_path / "log.parquet", REQUESTS, (tmp_path / "mapping.yaml",))
    row = outcome.frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2026, 9, 1, 12)
    assert (row["input_total_tokens"], row["tpot_seconds"]) == (5, 0.0125)
    assert row["prefix_block_hashes"] == [1, 2]
    assert outcome.rejects.select("source_line", "reason").rows() == [(2, "started_at: missing")]


def test_contract_columns_need_no_mapping_when_the_header_has_their_names(run: Run) -> None:
    bills = run(
        "bill_id,line_id,meter_id,period_start,period_end,kind,quantity,unit,amount,currency",
        "B1,1,m-1,2026-09-01T00:00:00-05:00,2026-10-01T00:00:00-05:00,energy,1000,kWh,123.456789,USD",
        "B1,2,m-1,2026-09-01T00:00:00-05:00,2026-10-01T00:00:00-05:00,rent,1,,1,USD",
        mapping=None,
        table="energy_bills",
    )
    row = bills.frames["energy_bills"].row(0, named=True)
    assert row["period_start"] == datetime(2026, 9, 1, 5)
    assert row["amount"] == Decimal("123.456789")
    assert bills.rejects["reason"].to_list() == [
        "kind: not one of energy, demand, fixed, tax, credit, rider"
    ]
    rates = run(
        "rate_date,base_currency,quote_currency,rate",
        "2026-09-01,EUR,USD,1.1",
        mapping=None,
        table="fx_rates",
    )
    assert rates.frames["fx_rates"]["rate"].to_list() == [Decimal("1.1")]


def test_file_is_refused_when_no_mapping_fits(run: Run) -> None:
    with pytest.raises(LandingFileError, match="no mapping of prices fits its columns"):
        run("provider,model,cost", "a,b,1", mapping=None, table="prices")
    with pytest.raises(LandingFileError, match="lacks ttft"):
        run("start,fresh,cached,out,ok,stream,kind", "x")
    with pytest.raises(LandingFileError, match="fills requests, but it lies under prices"):
        run(HEADER, "x", table="prices")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("unit: ms}\n  input", "unit: parsec}\n  input"),
            "unit 'parsec' cannot become s; use: s, ms, us, ns, min, h",
        ),
        (
            ("output_total_tokens:", "output_tokens:"),
            "columns.output_tokens: requests has only emitter, request_id",
        ),
        (("format: csv", "format: xml"), "mapping.yaml: format: "),
        (("table: requests", "table: request"), "table 'request' is none of benchmark_runs, "),
        (("Europe/Berlin", "Berlin"), "zone 'Berlin' is no IANA zone"),
        (('"True": success', '"True": fine'), "['fine'] is not allowed; use success, failure"),
        (("{parent}", "{folder}"), "template names ['folder']; use parent, grandparent"),
        (("time: iso, ", ""), "say how the time is written"),
        (("  status: {", "  region: {"), "requests also needs status"),
        (("filters:", "filter:"), "there is no such key; known: name, summary, table"),
        (("equals: warmup", "like: warmup"), "there is no such key"),
        (
            ("{constant: gateway}", "{constant: gateway, from: kind}"),
            "needs exactly one of from, sum",
        ),
        (("+02:00", ""), "mapping.yaml: anchor: "),
    ],
)
def test_mapping_is_refused_with_the_place_and_the_choices_when_it_is_wrong(
    change: tuple[str, str], message: str, run: Run
) -> None:
    assert change[0] in OWN
    with pytest.raises(resolve.MappingError) as caught:
        run(HEADER, mapping=OWN.replace(*change))
    assert message in str(caught.value)
    assert "mapping.yaml" in str(caught.value)


def test_unknown_base_is_refused_when_a_mapping_extends_it(run: Run) -> None:
    with pytest.raises(resolve.MappingError, match="'moon' is not in the library; use aibrix"):
        run(HEADER, mapping="extends: moon")


def test_version_changes_when_the_mapping_changes(tmp_path: Path) -> None:
    path = tmp_path / "mapped" / "deep" / "log.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "\n")
    file = LandingFile(path, "requests/mapped/deep/log.csv", "0" * 32)
    sidecar = tmp_path / "mapped" / "mapping.yaml"
    versions = []
    for text in (OWN, OWN.replace("gateway", "proxy"), OWN + "\n# a comment\n"):
        sidecar.write_text(text)
        versions.append(REQUESTS.version_of(file))
    assert versions[0] == versions[2] != versions[1]


def test_document_is_chosen_by_file_when_one_mapping_file_holds_two(run: Run) -> None:
    two = OWN + "---\nextends: azure_llm_inference\nfiles: 'azure*'\n"
    azure = run(
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2023-11-16 18:17:03,1,2",
        mapping=two,
        name="azure.csv",
    )
    assert azure.frames["requests"]["emitter"].to_list() == ["azure_llm_inference"]


def test_library_is_valid_and_each_format_is_recognised_once(tmp_path: Path) -> None:
    assert len(resolve.library()) >= 16
    head = b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    claims = [
        connector.recognise(Preview(tmp_path / "a.csv", head)) for connector in mapped.CONNECTORS
    ]
    assert [claim for claim in claims if claim] == ["mapping azure_llm_inference"]
    assert registry.is_sidecar(tmp_path / "mapping.yaml")
