"""The same traffic in a clean and in a messy order gives the same marts.

Messy: a file that arrives 40 days late, the same file twice, the same requests in two files and from
two emitters, an SDK's trace before the gateway's log.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tokenworks.publish import MART_PREFIXES
from tokenworks.warehouse import build_warehouse
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

FLEET = """
valid_from: 2026-09-01
sites:
  - {id: home, region: home, time_zone: UTC, pue: 1.2, currency: USD}
servers:
  - id: srv
    site: home
    hostname: gpu-1
    gpu_model: NVIDIA L4
    gpus: [GPU-1]
    ownership: owned
    purchase: {price: 7440.00, residual: 240.00, life_months: 30, currency: USD}
tiers:
  - {id: small, rank: 1}
deployments:
  - id: small
    key: small
    model: llama-3.1-8b-instruct
    tier: small
    site: home
    weights: {prefill_seconds_per_token: 0.0001, decode_seconds_per_token: 0.01, cache_read_seconds_per_token: 0}
    replicas:
      - {id: small-0, endpoint: "small-0:8000", gpus: [GPU-1]}
tenants:
  - {id: acme, name: Acme, cost_centre: "1"}
"""
FIRST, LATE, LAST = date(2026, 9, 1), date(2026, 9, 2), date(2026, 10, 12)


def _gateway(day: date, number: int, **changes: object) -> dict[str, object]:
    """A row of a spend log: each request takes ten seconds and 20 tokens."""
    start = datetime(day.year, day.month, day.day, 10, number, tzinfo=UTC)
    return {
        "request_id": f"chatcmpl-{day:%Y%m%d}-{number:04d}",
        "call_type": "acompletion",
        "startTime": start.isoformat(),
        "endTime": (start + timedelta(seconds=10)).isoformat(),
        "completionStartTime": (start + timedelta(seconds=1)).isoformat(),
        "model": "llama-3.1-8b-instruct",
        "model_id": "small",
        "api_base": "http://small-0:8000/v1",
        "team_id": "acme",
        "prompt_tokens": 100 + number,
        "completion_tokens": 20,
        "total_tokens": 120 + number,
        "status": "success",
        "spend": 0,
        **changes,
    }


def _sdk(day: date, number: int) -> dict[str, object]:
    """The same call as the client's SDK traced it: it knows the cached tokens, and no tenant."""
    start = datetime(day.year, day.month, day.day, 10, number, tzinfo=UTC)
    nanoseconds = int(start.timestamp()) * 10**9
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.id": f"chatcmpl-{day:%Y%m%d}-{number:04d}",
        "gen_ai.response.model": "llama-3.1-8b-instruct",
    }
    counts = {
        "gen_ai.usage.input_tokens": 100 + number,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 64,
    }
    span = {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(nanoseconds),
        "endTimeUnixNano": str(nanoseconds + 10 * 10**9),
        "attributes": [
            *({"key": key, "value": {"stringValue": text}} for key, text in attributes.items()),
            *({"key": key, "value": {"intValue": str(n)}} for key, n in counts.items()),
        ],
        "status": {},
    }
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}


def _drop(settings: Settings, name: str, *records: dict[str, object]) -> None:
    path = settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _land(settings: Settings) -> None:
    assert not ingest_landing(settings).with_status("failed")


def _day(day: date) -> list[dict[str, object]]:
    return [_gateway(day, number) for number in range(5)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Everything once, in order."""
    settings = Settings.at(tmp_path_factory.mktemp("clean") / "home")
    _fleet(settings)
    for day in (FIRST, LATE, LAST):
        _drop(settings, f"requests/litellm/{day}.jsonl", *_day(day))
    _drop(settings, "requests/otlp_json/sdk.jsonl", _sdk(LAST, 3))
    _land(settings)
    build_warehouse(settings)
    return settings


def _fleet(settings: Settings) -> None:
    path = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(FLEET)


def _rows(settings: Settings, mart: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        provenance = "exclude (source_file, source_line)" if mart == "fct_requests" else ""
        return connection.execute(f"select * {provenance} from {mart} order by all").fetchall()


def _marts(settings: Settings) -> list[str]:
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        names = connection.execute("select table_name from duckdb_tables() order by all").fetchall()
    return [name for (name,) in names if name.startswith(MART_PREFIXES)]


def test_marts_equal_the_clean_order_when_files_come_late_twice_and_from_two_emitters(
    clean: Settings, tmp_path: Path
) -> None:
    messy = Settings.at(tmp_path / "home")
    _fleet(messy)
    _drop(messy, "requests/otlp_json/sdk.jsonl", _sdk(LAST, 3))
    _drop(messy, f"requests/litellm/{FIRST}.jsonl", *_day(FIRST))
    _land(messy)
    build_warehouse(messy)

    # The gateway's log of the last day, out of order and unfinished in part; then the same again.
    unfinished = _gateway(LAST, 4, endTime=None, completion_tokens=0, status=None)
    _drop(messy, "requests/litellm/b.jsonl", *reversed(_day(LAST)[1:4]), unfinished)
    _land(messy)
    assert build_warehouse(messy).whole_because is None
    _drop(messy, "requests/litellm/a.jsonl", *reversed(_day(LAST)[1:4]), unfinished)
    _drop(messy, "requests/litellm/c.jsonl", *_day(LAST))
    _drop(messy, "requests/litellm/40_days_late.jsonl", *_day(LATE))
    _land(messy)
    built = build_warehouse(messy)
    assert built.whole_because is None
    assert built.restated_dates == (LATE, LAST)

    assert {mart: _rows(messy, mart) for mart in _marts(clean)} == {
        mart: _rows(clean, mart) for mart in _marts(clean)
    }


def test_call_counts_once_and_knows_what_either_emitter_knew(clean: Settings) -> None:
    with duckdb.connect(str(clean.build_database), read_only=True) as connection:
        rows = connection.execute(
            "select emitter, request_id, tenant_id, input_total_tokens, input_cache_read_tokens, "
            "sighting_count from fct_requests where event_date = '2026-10-12' order by request_id"
        ).fetchall()
    assert len(rows) == 5
    assert rows[3] == ("litellm", "chatcmpl-20261012-0003", "acme", 103, 64, 2)
    assert rows[2] == ("litellm", "chatcmpl-20261012-0002", "acme", 102, None, 1)


def test_retired_file_takes_its_requests_and_no_others(clean: Settings) -> None:
    """A landing file that is corrected leaves no trace of what it said before."""
    _drop(clean, f"requests/litellm/{LATE}.jsonl", *_day(LATE)[:2])
    _land(clean)
    assert build_warehouse(clean).restated_dates == (LATE,)
    with duckdb.connect(str(clean.build_database), read_only=True) as connection:
        counts = connection.execute(
            "select event_date, count(*) from fct_requests group by all order by all"
        ).fetchall()
    assert counts == [(FIRST, 5), (LATE, 2), (LAST, 5)]
