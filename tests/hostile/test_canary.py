"""No prompt, answer, key or e-mail reaches the lake, the rejects, the manifests or what is said.

Every connector gets files of its format with canaries wherever the format can carry them: unknown
fields and labels, text fields, comments, fields of the wrong type, broken records, files that end
inside a canary; and files that it cannot read at all.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.running import tokenworks
from tests.hostile.canaries import ALL_SECRETS, ALL_WORDS, leaks_below, leaks_in
from tests.hostile.planting import STRANGERS, variants
from tests.hostile.samples import SAMPLES, Sample
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

NAMED = [connector for connector in registry.CONNECTORS if connector.name != "mapped"]


def _planted(settings: Settings, connector: Connector, sample: Sample) -> int:
    """Lays every variant of a sample into the connector's landing folder; how many there are."""
    root = settings.landing / connector.table / connector.name
    number = 0
    for number, (kind, data) in enumerate(variants(sample.name, sample.data), 1):  # noqa: B007
        folder = root / kind / sample.folder
        folder.mkdir(parents=True)
        for name, text in sample.beside.items():
            (folder / name).write_bytes(text)
        (folder / sample.name).write_bytes(data)
    return number


def _said(settings: Settings, log: pytest.LogCaptureFixture, out: str) -> tuple[str, int]:
    """All that an ingest says, and how many files it could read."""
    report = ingest_landing(settings)
    told = [str((file.error, file.rejects, file.skipped)) for file in report.files]
    rows = sum(sum(file.rows.values()) for file in report.files)
    return "\n".join([*told, log.text, out]), rows


@pytest.mark.parametrize("connector", NAMED, ids=lambda connector: connector.name)
def test_no_canary_leaves_the_landing_folder_when_files_are_full_of_them(
    connector: Connector,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for sample in SAMPLES[connector.name]:
        _planted(settings, connector, sample)
        said, rows = _said(settings, caplog, "".join(capfd.readouterr()))
        assert leaks_below(settings.lake) == {}
        assert leaks_in(said) == set()
        assert rows > 0, said
        shutil.rmtree(settings.home)


@pytest.mark.parametrize("connector", NAMED, ids=lambda connector: connector.name)
def test_refusals_quote_nothing_when_a_file_is_of_another_kind(
    connector: Connector, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder = settings.landing / connector.table / connector.name / "strange"
    folder.mkdir(parents=True)
    for name, data in STRANGERS.items():
        (folder / name).write_bytes(data)
    said, _ = _said(settings, caplog, "")
    assert leaks_below(settings.lake) == {}
    assert leaks_in(said) == set()


def test_every_connector_has_a_sample() -> None:
    assert {connector.name for connector in NAMED} == set(SAMPLES)


MAPPING = """
table: requests
format: csv
columns:
  emitter: {constant: own_gateway}
  request_id: id
  started_at: {from: at, time: iso, zone: UTC}
  clock: {constant: utc}
  model_served: model
  tags: labels
  user_pseudonym: who
  input_total_tokens: tokens
  status: {constant: unknown}
"""
TABLE = f"""id,at,model,labels,who,tokens,prompt
{ALL_SECRETS},2026-10-19T10:00:00Z,{ALL_SECRETS},{ALL_SECRETS},{ALL_WORDS},5,{ALL_WORDS}
b,{ALL_WORDS},m,x,{ALL_WORDS},5,{ALL_WORDS}
c,2026-10-19T10:00:00Z,m,x,{ALL_WORDS},{ALL_WORDS},{ALL_WORDS}
d,2026-10-19T10:00:00Z,m
"""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_that_nobody_mapped_stay_out_when_a_mapping_reads_a_table(
    suffix: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(MAPPING.replace("csv", suffix))
    log = tmp_path / f"log.{suffix}"
    log.write_text(TABLE)
    if suffix == "parquet":
        rows = pl.read_csv(io.StringIO(TABLE), infer_schema=False, truncate_ragged_lines=True)
        rows.write_parquet(log)
    run = tokenworks(settings.home, "ingest", str(log), "--mapping", str(tmp_path / "mine.yaml"))
    assert leaks_in(run.stdout + run.stderr) == set()
    assert list((settings.lake / "requests").glob("*/*.parquet")), run.stdout + run.stderr
    assert leaks_below(settings.lake) == {}


@pytest.mark.parametrize("arguments", [(), ("--connector", "focus"), ("--connector", "litellm")])
def test_the_command_line_quotes_nothing_when_it_cannot_read_a_file(
    arguments: tuple[str, ...], settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "strange"
    folder.mkdir()
    for name, data in STRANGERS.items():
        (folder / name).write_bytes(data)
    for name in ("", "object.json"):
        run = tokenworks(settings.home, "ingest", str(folder / name), *arguments)
        assert "Traceback" not in run.stderr
        assert leaks_in(run.stdout + run.stderr) == set()
    assert leaks_below(settings.lake) == {}


SPEND = {
    "request_id": "r",
    "call_type": "acompletion",
    "api_key": ALL_SECRETS,
    "spend": 0.001,
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "startTime": "2026-10-19T10:00:00.000Z",
    "endTime": "2026-10-19T10:00:01.000Z",
    "model": "m",
    "model_group": f"m {ALL_SECRETS}",
    "user": ALL_WORDS,
    "end_user": ALL_WORDS,
    "team_id": f"team {ALL_SECRETS}",
    "organization_id": f"acme {ALL_SECRETS}",
    "session_id": ALL_SECRETS,
    "request_tags": ["prod", ALL_SECRETS],
    "requester_ip_address": ALL_WORDS,
    "api_base": f"http://{ALL_WORDS}:secret@host:8000/v1?key={ALL_SECRETS}",
    "messages": [{"role": "system", "content": ALL_WORDS}],
    "response": {"choices": [{"message": {"content": ALL_WORDS}}]},
    "proxy_server_request": {"headers": {"authorization": ALL_SECRETS}, "body": ALL_WORDS},
    "status": "failure",
    "metadata": {
        "user_api_key_user_email": ALL_SECRETS,
        "user_api_key_alias": ALL_WORDS,
        "error_information": {"error_message": ALL_WORDS, "error_class": ALL_WORDS},
        "spend_logs_metadata": {"note": ALL_WORDS},
    },
}
FLEET = f"""# {ALL_WORDS} {ALL_SECRETS}
valid_from: 2026-09-01
sites: [{{id: eu, region: eu, time_zone: Europe/Paris, currency: EUR}}]
servers: [{{id: s, site: eu, gpu_model: H100, gpus: [GPU-a], ownership: leased}}]
tiers: [{{id: small, rank: 1}}]
deployments:
  - id: d
    model: m
    tier: small
    site: eu
    weights: {{prefill_seconds_per_token: 0.00002, decode_seconds_per_token: 0.0004}}
    replicas: [{{id: r-0, gpus: [GPU-a]}}]
"""


@pytest.mark.e2e
@pytest.mark.slow
def test_no_canary_is_published_when_the_books_are_built_from_a_log_full_of_them(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    records = [{**SPEND, "request_id": f"r-{place}"} for place in range(20)]
    records += [{**SPEND, "request_id": f"{ALL_SECRETS} {place}"} for place in range(20)]
    lines = [json.dumps(record) for record in records]
    lines += [lines[0][:900], json.dumps({**SPEND, "prompt_tokens": ALL_WORDS}), ALL_WORDS]
    (folder / "spend.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "fleet.yaml").write_text(FLEET)
    said = ""
    for arguments in (
        ("ingest", str(folder)),
        ("build",),
        ("report", "--month", "2026-10"),
        ("sql", "--csv", "select * from fct_cost_ledger"),
    ):
        run = tokenworks(settings.home, *arguments)
        said += run.stdout + run.stderr
        assert "Traceback" not in run.stderr
    assert leaks_in(said) == set()
    # Two identifiers that hold secrets stay two.
    ingested = pl.read_parquet(str(settings.lake / "requests" / "*" / "*.parquet"))
    assert ingested["request_id"].n_unique() == 40
    found = leaks_below(settings.home)
    assert {where: kinds for where, kinds in found.items() if where not in LANDED} == {}


LANDED = ("spend.jsonl", "fleet.yaml")
