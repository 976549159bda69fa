"""A landing folder of everything that goes wrong: each one clear message, and the rest lands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.running import tokenworks
from tokenworks.published import list_tables
from tokenworks_sources.settings import Settings

pytestmark = pytest.mark.e2e

FLEET = """
valid_from: 2026-09-01
sites: [{id: eu, region: eu, time_zone: Europe/Paris, currency: EUR}]
servers: [{id: s, site: eu, gpu_model: H100, gpus: [GPU-a], ownership: leased}]
tiers: [{id: small, rank: 1}]
deployments:
  - id: d
    model: m
    tier: small
    site: eu
    weights: {prefill_seconds_per_token: 0.00002, decode_seconds_per_token: 0.0004}
    replicas: [{id: r-0, gpus: [GPU-a]}, {id: r-1, gpus: [GPU-a]}]
"""


def _spend(number: int) -> str:
    record = {
        "request_id": f"req-{number}",
        "call_type": "acompletion",
        "api_key": "hash",
        "spend": 0.001,
        "total_tokens": 30,
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "startTime": "2026-10-19T10:00:00.000Z",
        "endTime": "2026-10-19T10:00:01.000Z",
        "model": "m",
        "status": "success",
        "metadata": {},
    }
    return json.dumps(record)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mixed"
    folder.mkdir()
    lines = [_spend(number) for number in range(10_000)]
    lines[4_321] = lines[4_321][:70]
    (folder / "spend.jsonl").write_text("\n".join(lines) + "\n")
    whole = gzip.compress("\n".join(_spend(number) for number in range(20_000, 20_500)).encode())
    (folder / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "binary.bin").write_bytes(bytes(range(256)) * 64)
    (folder / "stranger.csv").write_text("colour,shape\nred,round\n")
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "page.xml").write_text('<?xml version="1.0"?><html><body>no meter</body></html>')
    (folder / "fleet.yaml").write_text(FLEET)
    return folder


def test_one_bad_line_in_ten_thousand_is_the_only_loss(folder: Path, tmp_path: Path) -> None:
    home = Settings.at(tmp_path / "home")
    run = tokenworks(home.home, "ingest", str(folder))
    assert run.returncode == 1
    requests = pl.read_parquet(str(home.lake / "requests" / "*" / "*.parquet"))
    assert requests.height == 9_999
    rejects = pl.read_parquet(str(home.lake / "_rejects" / "requests" / "*.parquet"))
    assert rejects["source_line"].to_list() == [4_322]
    (manifest,) = (home.lake / "_manifest" / "requests").glob("*.json")
    counted = json.loads(manifest.read_text())
    assert (counted["records_in"], counted["records_out"]) == (10_000, 9_999)


def test_each_broken_file_is_named_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    run = tokenworks(tmp_path / "home", "ingest", str(folder))
    said = " ".join((run.stdout + run.stderr).split())
    assert "cut.jsonl.gz: the compressed data is damaged or ends early" in said
    assert "empty.jsonl: the file is empty. Remove it, or ship it again." in said
    assert "GPU GPU-a belongs to replica r-0 and to r-1 from 2026-09-01 00:00" in said
    for name in ("binary.bin", "page.xml", "stranger.csv"):
        assert name in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["binary.bin", "page.xml", "stranger.csv"])
def test_file_that_was_named_is_an_error_when_no_connector_knows_it(
    folder: Path, tmp_path: Path, name: str
) -> None:
    run = tokenworks(tmp_path / "home", "ingest", str(folder / name))
    assert run.returncode == 1
    assert "no connector recognises it" in " ".join(run.stderr.split())


def test_chosen_connector_refuses_what_it_cannot_read(folder: Path, tmp_path: Path) -> None:
    for connector, name in (("green_button", "page.xml"), ("focus", "stranger.csv")):
        home = tmp_path / connector
        run = tokenworks(home, "ingest", str(folder / name), "--connector", connector)
        assert run.returncode == 1, run.stdout
        assert name in run.stderr
        assert "Traceback" not in run.stderr


def test_empty_home_builds_empty_books(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert tokenworks(home, "init").returncode == 0
    assert tokenworks(home, "ingest").returncode == 0
    build = tokenworks(home, "build")
    assert build.returncode == 0, build.stdout + build.stderr
    counted = tokenworks(home, "sql", "--csv", "select count(*) as n from fct_cost_ledger")
    assert counted.stdout.splitlines() == ["n", "0"]
    filled = {mart.name for mart in list_tables(Settings.at(home)) if mart.rows}
    assert filled <= {"dim_books", "dim_calendar", "dim_fiscal_periods", "dim_hours"}
    report = tokenworks(home, "report", "--month", "2026-10")
    assert report.returncode == 1
    assert "Traceback" not in report.stderr
