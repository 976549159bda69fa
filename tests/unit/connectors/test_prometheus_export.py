"""Exports of VictoriaMetrics through the lake: a series a line, values that JSON cannot write."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from tests.unit.connectors.prometheus_cases import (
    AT,
    ENGINE,
    ROWS,
    IngestFile,
    check_two_instants,
    ingested,
)


def line(name: str, labels: dict[str, str], *samples: tuple[int, object]) -> str:
    """One line of an export."""
    times, values = zip(*samples, strict=True)
    exported = {"metric": {"__name__": name} | labels, "values": values, "timestamps": times}
    return json.dumps(exported, separators=(",", ":"))


def test_rows_are_the_same_when_series_come_as_lines_of_an_export(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "export.jsonl"
    lines = [
        line(name, labels, (AT * 1000, value), ((AT + 15) * 1000, value + 1))
        for name, labels, value in ROWS
    ]
    path.write_text("\n".join(lines) + "\n")
    check_two_instants(ingested(ingest_file, path))


def test_a_series_goes_on_when_it_takes_several_lines(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "export.jsonl"
    name = "vllm:generation_tokens_total"
    path.write_text(
        line(name, ENGINE, (AT * 1000 + 781, 100))
        + "\n"
        + line(name, ENGINE, (AT * 1000 + 15_781, 160), (AT * 1000 + 30_781, None))
        + "\n"
    )
    rows = ingested(ingest_file, path).frames["engine_samples"].sort("scraped_at")
    assert rows.select("scraped_at", "output_tokens", "source_line").rows() == [
        (datetime(2026, 10, 1, 0, 5, 0, 781_000), 100.0, 1),
        (datetime(2026, 10, 1, 0, 5, 15, 781_000), 160.0, 2),
        (datetime(2026, 10, 1, 0, 5, 30, 781_000), None, 2),
    ]


def test_only_the_line_is_rejected_when_it_is_not_as_exported(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "export.jsonl"
    good = line("vllm:generation_tokens_total", ENGINE, (AT * 1000, 100))
    short = '{"metric":{"__name__":"vllm:prompt_tokens_total"},"values":[1,2],"timestamps":[1]}'
    path.write_text(f"{good}\n{short}\n{{\n")
    outcome = ingested(ingest_file, path)
    assert outcome.frames["engine_samples"]["output_tokens"].to_list() == [100.0]
    assert outcome.manifest.rejects == {"line: not as /api/v1/export writes it": 3}
    assert outcome.manifest.records_in == 4
