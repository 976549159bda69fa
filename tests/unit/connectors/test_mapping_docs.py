"""docs/mapping.md: every YAML block is read, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tokenworks_sources.connectors.about import About
from tokenworks_sources.connectors.mapped import mapped
from tokenworks_sources.connectors.mapped.spec import Filter, Mapping

REQUESTS = next(connector for connector in mapped.CONNECTORS if connector.table == "requests")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def page(root: Path) -> Path:
    return root / "docs" / "mapping.md"


def test_every_block_is_valid_when_it_is_read(page: Path, root: Path) -> None:
    found = [yaml.safe_load(text) for text in blocks(page, "yaml")]
    assert len(found) == 4
    for said in found:
        if "table" in said:
            assert Mapping.model_validate(said).columns
        else:
            assert set(said) == {"filters"}
            assert all(Filter.model_validate(item) for item in said["filters"])
    (sidecar,) = blocks(root / "docs" / "benchmarks.md", "yaml")
    assert set(yaml.safe_load(sidecar)) < set(About.model_fields)


def test_first_block_reads_a_file_when_it_has_its_columns(
    page: Path, tmp_path: Path, ingest_file: Any
) -> None:
    path, beside = tmp_path / "eu" / "log.csv", tmp_path / "eu" / "mapping.yaml"
    path.parent.mkdir()
    beside.write_text(blocks(page, "yaml")[0])
    path.write_text(
        "id,ts,prompt,cached,answer,ttft_ms,ok\n"
        "a1,01.09.2026 10:00:00,6,4,5,250,1\n"
        "a2,01.09.2026 10:00:02,10,0,5,,0\n"
    )
    found = ingest_file(path, REQUESTS, (beside,)).frames["requests"]
    row = found.row(0, named=True)
    assert (row["request_id"], row["deployment_key"]) == ("a1", "eu")
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (10, 4)
    assert str(row["started_at"]) == "2026-09-01 08:00:00"
    assert str(row["first_token_at"]) == "2026-09-01 08:00:00.250000"
    assert found["status"].to_list() == ["success", "failure"]


def test_csv_block_reads_the_text_above_it_when_both_stand_on_the_page(
    page: Path, tmp_path: Path, ingest_file: Any
) -> None:
    path, beside = tmp_path / "log.csv", tmp_path / "mapping.yaml"
    path.write_text(blocks(page, "text")[0])
    beside.write_text(blocks(page, "yaml")[1])
    outcome = ingest_file(path, REQUESTS, (beside,))
    assert outcome.frames["requests"]["request_id"].to_list() == ["a1"]
    assert outcome.manifest.skipped == {"health check": 1}


def test_total_of_the_page_becomes_24_rows_when_it_is_spread(
    page: Path, tmp_path: Path, ingest_file: Any
) -> None:
    path, beside = tmp_path / "days.csv", tmp_path / "mapping.yaml"
    path.write_text(blocks(page, "text")[1])
    beside.write_text(blocks(page, "yaml")[3])
    rows = ingest_file(path, REQUESTS, (beside,)).frames["requests"]
    assert (rows.height, rows["input_cache_read_tokens"].sum()) == (24, 342_000_000_000)


def test_inline_examples_are_mappings_when_they_extend(page: Path) -> None:
    found = re.findall(r"`(\{extends: [^`<]*\})`", page.read_text())
    assert len(found) == 2
    for text in found:
        assert yaml.safe_load(text)["anchor"].tzinfo is not None
