"""Mapped files at their edges: typed times, dotted keys, misspelt columns, and errors without data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Preview
from tokenworks_sources.connectors.mapped import mapped, resolve
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

BY_TABLE = {connector.table: connector for connector in mapped.CONNECTORS}
REQUESTS = BY_TABLE["requests"]

MAPPING = """
table: requests
format: FORMAT
columns:
  emitter: {constant: own}
  request_id: {template: "TEMPLATE"}
  started_at: {from: at, TIME}
  clock: {constant: utc}
  status: {constant: success}
  input_total_tokens: TOKENS
"""

Land = Callable[..., Any]


def mapping(
    form: str,
    time: str = "time: iso",
    tokens: str = "tokens",
    template: str = "{line}",
) -> str:
    text = MAPPING.replace("FORMAT", form).replace("TIME", time).replace("TOKENS", tokens)
    return text.replace("TEMPLATE", template)


@pytest.fixture
def land(tmp_path: Path, ingest_file: Any) -> Land:
    """Ingests text or a frame with a mapping beside it."""

    def run(content: str | pl.DataFrame, said: str | None, name: str = "log.csv") -> Any:
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        else:
            content.write_parquet(path)
        beside = tmp_path / "mapping.yaml"
        beside.unlink(missing_ok=True)
        if said is not None:
            beside.write_text(said)
        return ingest_file(path, REQUESTS, () if said is None else (beside,))

    return run


def test_bad_value_is_rejected_alone_when_the_file_is_parquet(land: Land) -> None:
    frame = pl.DataFrame({"at": ["2026-09-01T12:00:00Z", "noon"], "tokens": ["5", "6"]})
    outcome = land(frame, mapping("parquet"), "log.parquet")
    assert outcome.frames["requests"]["input_total_tokens"].to_list() == [5]
    assert outcome.rejects.select("source_line", "reason").rows() == [(2, "at: not a time (iso)")]


@pytest.mark.parametrize(
    ("time", "values", "expected"),
    [
        ("time: epoch_s", [Decimal("1770186511.1461239")], datetime(2026, 2, 4, 6, 28, 31, 146123)),
        (
            "time: epoch_ms",
            [Decimal("1770186511146.5")],
            datetime(2026, 2, 4, 6, 28, 31, 146500),
        ),
        (
            "time: epoch_ns",
            [Decimal("1770186511146123987.0")],
            datetime(2026, 2, 4, 6, 28, 31, 146123),
        ),
        ("time: iso, zone: Asia/Kolkata", [date(2026, 9, 1)], datetime(2026, 8, 31, 18, 30)),
        ("time: iso", [date(2026, 9, 1)], datetime(2026, 9, 1)),
    ],
)
def test_typed_time_is_exact_when_the_file_is_parquet(
    time: str, values: list[Any], expected: datetime, land: Land
) -> None:
    frame = pl.DataFrame({"at": values, "tokens": [1]})
    outcome = land(frame, mapping("parquet", time), "log.parquet")
    assert outcome.frames["requests"]["started_at"].to_list() == [expected]


def test_day_stays_the_day_when_a_date_column_names_a_zone(
    tmp_path: Path, ingest_file: Any
) -> None:
    frame = pl.DataFrame({"rate_date": [date(2026, 9, 1)], "usd": [Decimal("1.1")]})
    frame.write_parquet(tmp_path / "rates.parquet")
    (tmp_path / "mapping.yaml").write_text(
        """
        table: fx_rates
        format: parquet
        columns:
          rate_date: {from: rate_date, time: iso, zone: Europe/Berlin}
          base_currency: {constant: EUR}
          quote_currency: {constant: USD}
          rate: usd
        """
    )
    beside = (tmp_path / "mapping.yaml",)
    outcome = ingest_file(tmp_path / "rates.parquet", BY_TABLE["fx_rates"], beside)
    assert outcome.frames["fx_rates"]["rate_date"].to_list() == [date(2026, 9, 1)]


def test_fraction_is_read_as_python_writes_it_when_it_stands_behind_a_point(land: Land) -> None:
    said = mapping("csv", 'time: "%Y-%m-%d %H:%M:%S.%f"')
    outcome = land("at,tokens\n2026-09-01 20:49:56.945,1\n", said)
    assert outcome.frames["requests"]["started_at"].to_list() == [
        datetime(2026, 9, 1, 20, 49, 56, 945_000)
    ]


def test_fraction_is_refused_when_no_point_stands_before_it(land: Land) -> None:
    with pytest.raises(resolve.MappingError, match=r"%f alone is ambiguous; write %\.f"):
        land("at,tokens\n", mapping("csv", 'time: "%Y-%m-%d %H:%M:%S,%f"'))


@pytest.mark.parametrize(
    "record",
    [
        '{"at": "2026-09-01T12:00:00Z", "gen_ai.usage.input_tokens": 12}',
        '{"at": "2026-09-01T12:00:00Z", "gen_ai": {"usage": {"input_tokens": 12}}}',
        '{"at": "2026-09-01T12:00:00Z", "gen_ai": {"usage.input_tokens": 12}}',
        '{"at": "2026-09-01T12:00:00Z", "gen_ai.usage": {"input_tokens": 12}, "gen_ai": {}}',
    ],
)
def test_dotted_name_is_found_when_keys_are_flat_or_nested(record: str, land: Land) -> None:
    said = mapping("jsonl", tokens="gen_ai.usage.input_tokens")
    outcome = land(record, said, "log.jsonl")
    assert outcome.frames["requests"]["input_total_tokens"].to_list() == [12]


def test_file_is_refused_when_no_json_record_has_a_column(land: Land) -> None:
    lines = '{"at": "2026-09-01T12:00:00Z", "tokens": 5}\n' * 2
    with pytest.raises(LandingFileError, match=r"no record has tokns\. .*`optional: true`"):
        land(lines, mapping("jsonl", tokens="tokns"), "log.jsonl")
    optional = mapping("jsonl", tokens="{from: tokns, optional: true}")
    outcome = land(lines, optional, "log.jsonl")
    assert outcome.frames["requests"]["input_total_tokens"].to_list() == [None, None]


def test_column_may_be_rare_when_one_json_record_has_it(land: Land) -> None:
    bare = '{"at": "2026-09-01T12:00:00Z"}\n'
    outcome = land(bare + bare.replace("}", ', "tokens": 5}'), mapping("jsonl"), "log.jsonl")
    assert outcome.frames["requests"]["input_total_tokens"].to_list() == [None, 5]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "log.jsonl",
            '{"prompt": "my secret", "user": {"anna@secret.example": 1}, "model": "m"}',
            "(prompt, user, model and 1 more)",
        ),
        ("log.jsonl", '"a secret sentence"', "its first line is no header of plain names"),
        ("log.csv", "secret words,12,gpt\n", "its first line is no header of plain names"),
        ("log.csv", "prompt,model\nsecret,m\n", "(prompt, model)"),
        (
            "log.jsonl",
            "{" + ", ".join(f'"k{n}": "secret"' for n in range(25)) + "}",
            "k18, k19 and 5 more)",
        ),
    ],
)
def test_names_are_quoted_and_no_data_when_no_mapping_fits(
    name: str, content: str, said: str, land: Land
) -> None:
    with pytest.raises(LandingFileError, match="no mapping of requests fits") as caught:
        land(content, None, name)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("my secret,12", "lacks at, tokens; it has 2 columns. Compare its column names"),
        ("at;tokens;secret", 'it has 1 column. The first line looks separated by ";"; a mapping'),
        ("at\ttokens", 'says so with csv: {delimiter: "\\t"}.'),
        ("at|tokens", 'says so with csv: {delimiter: "|"}.'),
    ],
)
def test_missing_columns_are_named_and_no_data_when_the_header_is_another(
    first: str, said: str, land: Land
) -> None:
    with pytest.raises(LandingFileError, match="the header of mapping") as caught:
        land(first + "\n", mapping("csv"))
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_file_is_refused_when_a_quote_is_never_closed(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "RECORD_BYTES", 1 << 20)
    lines = ["at,tokens", "2026-09-01T12:00:00Z,1", '2026-09-01T12:00:00Z,"2']
    with pytest.raises(LandingFileError, match=r"line 3: .* over 1 MiB\. .*never closed"):
        land("\n".join(lines) + "\n2026-09-01T12:00:00Z,3" * 60_000, mapping("csv"))
    with pytest.raises(LandingFileError, match=r"line 2: .* over 1 MiB"):
        land("at,tokens\n" + "x" * (1 << 21), mapping("csv"))


def test_file_with_more_columns_is_left_to_others_when_a_mapping_is_without_them(
    shared_data: Path,
) -> None:
    engine = BY_TABLE["engine_samples"]
    traces = shared_data / "llm_traces"
    runs = "inferencex_{}/*/metrics_server_metrics.csv.gz"
    february = sorted(traces.glob(runs.format("feb2026")))
    april = sorted(traces.glob(runs.format("apr2026")))
    assert (len(february), len(april)) == (26, 33)
    claims = {engine.recognise(preview_of(path)) for path in february}
    assert claims == {"mapping inferencex_feb2026_server"}
    claims = {engine.recognise(preview_of(path)) for path in april}
    assert claims == {"mapping inferencex_apr2026_server"}


def test_mapping_does_not_fit_when_a_column_is_there_that_it_is_without(tmp_path: Path) -> None:
    server = resolve.library()["inferencex_feb2026_server"]
    header = ",".join((*server.recognise, *server.required_columns()))
    path = tmp_path / "metrics.csv"
    assert resolve.fits(server, Preview(path, header.encode()))
    more = f"{header},kv_offload_bytes_gpu_to_cpu"
    assert not resolve.fits(server, Preview(path, more.encode()))


@pytest.mark.parametrize(
    ("template", "context"),
    [
        ("{digest}-{line}", ""),
        ("{stem}/{parent}/{line}", "run-7\nlog"),
        ("{name}{grandparent}", "sweep\nlog.csv.gz"),
    ],
)
def test_context_is_what_templates_take_of_the_path_when_asked(
    template: str, context: str, tmp_path: Path
) -> None:
    path = tmp_path / "mapped" / "sweep" / "run-7" / "log.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"at,tokens\n"))
    (path.parent / "mapping.yaml").write_text(mapping("csv", template=template))
    file = LandingFile(path, "requests/mapped/sweep/run-7/log.csv.gz", "0" * 32)
    assert REQUESTS.context_of(file) == context
