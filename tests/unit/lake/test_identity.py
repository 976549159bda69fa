"""What the lake knows a file by: copies count once, whatever they are called and however packed."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from tokenworks_sources.connectors import identity, registry
from tokenworks_sources.connectors.charges import oci_cost
from tokenworks_sources.connectors.mapped.mapped import Mapped
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.manifest import load_manifests
from tokenworks_sources.outcomes import FAILED, INGESTED, KNOWN
from tokenworks_sources.settings import Settings

BILL = Path(__file__).resolve().parents[2] / "hostile" / "fixtures" / "oci_cost/bills/cost.csv"
MAPPING = """
table: requests
format: csv
columns:
  emitter: {constant: mine}
  request_id: {template: "{digest}-{line}"}
  deployment_key: {template: "{parent}"}
  started_at: {from: when, time: iso}
  clock: {constant: utc}
  status: {constant: success}
  input_total_tokens: tokens
"""
LOG = b"when,tokens\n2026-01-05T10:00:00Z,7\n2026-01-05T10:00:01Z,8\n"


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def _statuses(settings: Settings) -> list[str]:
    return [outcome.status for outcome in ingest_landing(settings).files]


def test_names_are_those_of_connectors() -> None:
    known = {connector.name for connector in registry.CONNECTORS}
    assert known >= identity.READ_BY_PATH
    assert known >= identity.NAMELESS_RECORDS


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (_zstd, ".zst")])
def test_bill_is_known_when_its_compressed_copy_came_first(
    settings: Settings, pack: type[bytes], suffix: str
) -> None:
    folder = settings.landing / "charges" / "oci_cost"
    folder.mkdir(parents=True)
    (folder / f"a.csv{suffix}").write_bytes(pack(BILL.read_bytes()))
    assert _statuses(settings) == [INGESTED]
    (folder / "b.csv").write_bytes(BILL.read_bytes())
    assert _statuses(settings) == [KNOWN, KNOWN]
    rows = pl.read_parquet(str(settings.lake / "charges" / "*" / "*.parquet"))
    assert rows.height == 1


def test_damaged_compression_fails_and_the_other_bills_land(settings: Settings) -> None:
    folder = settings.landing / "charges" / "oci_cost"
    folder.mkdir(parents=True)
    (folder / "a.csv.gz").write_bytes(gzip.compress(BILL.read_bytes())[:100])
    (folder / "b.csv").write_bytes(BILL.read_bytes())
    assert _statuses(settings) == [FAILED, INGESTED]


def test_compressed_copy_of_an_older_lake_leaves_when_the_connector_is_newer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.landing / "charges" / "oci_cost"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(BILL.read_bytes())
    (folder / "a.csv.gz").write_bytes(gzip.compress(BILL.read_bytes()))
    with monkeypatch.context() as older:
        older.setattr(identity, "NAMELESS_RECORDS", frozenset())
        older.setattr(type(oci_cost.CONNECTOR), "version", "1")
        assert _statuses(settings) == [INGESTED, INGESTED]
    assert _statuses(settings) == [INGESTED, KNOWN]
    assert len(load_manifests(settings.lake, "charges")) == 1
    rows = pl.read_parquet(str(settings.lake / "charges" / "*" / "*.parquet"))
    assert rows.height == 1


def test_requests_of_a_copy_have_the_same_ids_when_it_lies_elsewhere(settings: Settings) -> None:
    root = settings.landing / "requests" / "mapped"
    root.mkdir(parents=True)
    (root / "mapping.yaml").write_text(MAPPING)
    for name, data in (
        ("x/log.csv", LOG),
        ("y/other.csv", LOG),
        ("z/log.csv.gz", gzip.compress(LOG)),
    ):
        (root / name).parent.mkdir()
        (root / name).write_bytes(data)
    # The folder becomes part of the rows, so that each is a file of its own.
    assert _statuses(settings) == [INGESTED, INGESTED, INGESTED]
    rows = pl.read_parquet(str(settings.lake / "requests" / "*" / "*.parquet"))
    assert (rows.height, rows["request_id"].n_unique()) == (6, 2)


def test_copy_is_known_when_its_mapping_takes_nothing_of_the_path(settings: Settings) -> None:
    root = settings.landing / "requests" / "mapped"
    root.mkdir(parents=True)
    plain = "\n".join(line for line in MAPPING.splitlines() if "parent" not in line)
    (root / "mapping.yaml").write_text(plain)
    (root / "a.csv").write_bytes(LOG)
    (root / "b.csv.gz").write_bytes(gzip.compress(LOG))
    assert _statuses(settings) == [INGESTED, KNOWN]


def test_plain_file_has_one_digest_when_it_is_read_either_way(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(LOG)
    requests = Mapped("requests")
    litellm = registry.by_name("litellm")
    assert identity.content_digest_of(requests, path) == identity.content_digest_of(litellm, path)
