"""What watches the fuzz test can see: rows that are missing, a fault, the one variant that kills."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tests.hostile import ingest_variants, watched
from tests.hostile.ingest_variants import Told
from tests.hostile.pieces import MOST_BYTES, pieces_of
from tokenworks_sources.manifest import Manifest, TableManifest
from tokenworks_sources.outcomes import FAILED, INGESTED, FileOutcome

PART = Path("gpu_samples", "event_date=2026-10-01", "part.parquet")


def manifest(rows: int, records_in: int = 3) -> Manifest:
    tables = {"gpu_samples": TableManifest(rows, "", "", ["2026-10-01"], [str(PART)])}
    return Manifest("a.csv", "d1", 1, 1, "amd_smi_csv", "1", records_in, 2, {"x": 1}, {}, tables)


def lake_of(folder: Path, rows: int, rejects: int) -> Path:
    for path, frame in (
        (folder / PART, pl.DataFrame({"source_digest": ["d1"] * rows})),
        (
            folder / "_rejects" / "gpu_samples" / "d1.parquet",
            pl.DataFrame({"source_digest": ["d1"] * rejects, "records": [1] * rejects}),
        ),
    ):
        path.parent.mkdir(parents=True)
        frame.cast({"source_digest": pl.String}).write_parquet(path)
    return folder


@pytest.mark.parametrize(
    ("rows", "rejects", "problems"),
    [
        (2, 1, []),
        (1, 1, ["a.csv: 2 of gpu_samples are told, 1 lie in the lake"]),
        (2, 2, ["a.csv: 1 of rejects are told, 2 lie in the lake"]),
    ],
)
def test_account_is_wrong_when_the_lake_holds_something_else(
    tmp_path: Path, rows: int, rejects: int, problems: list[str]
) -> None:
    lake = lake_of(tmp_path, rows, rejects)
    assert list(ingest_variants._not_in_lake(lake, {"d1": manifest(2)})) == problems


def test_file_is_wrong_when_its_records_do_not_add_up_or_its_connector_is_at_fault(
    tmp_path: Path,
) -> None:
    ingested = FileOutcome("a.csv", "d1", "amd_smi_csv", INGESTED)
    failed = FileOutcome("a.csv", "", "x", FAILED, error="this is a fault of connector x.")
    path = tmp_path / "a.csv"
    assert list(ingest_variants._problems(ingested, manifest(2), path)) == []
    assert list(ingest_variants._problems(ingested, manifest(2, records_in=4), path)) == [
        "4 records in, but 3 out, rejected or skipped"
    ]
    assert list(ingest_variants._problems(ingested, None, path)) == ["ingested without a manifest"]
    assert list(ingest_variants._problems(failed, None, path)) == [
        "failed: this is a fault of connector x."
    ]


def test_the_one_variant_that_kills_is_named_when_many_are_read_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def dies_of_37(
        path: Path, scratch: Path, numbers: Sequence[int], at_once: int
    ) -> tuple[list[Told], str]:
        told = []
        for start in range(0, len(numbers), at_once):
            batch = numbers[start : start + at_once]
            if 37 in batch:
                break
            told.append(Told(len(batch), [], 100))
        return told, "the process ended with -11"

    monkeypatch.setattr(watched, "_watched", dies_of_37)
    found = watched.wrong_variants(tmp_path, tmp_path, range(120))
    assert found == ["37 to 37: the process ended with -11"]


def test_memory_is_wrong_when_it_passes_the_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watched, "_watched", lambda *_: ([Told(2, [], 1501)], ""))
    assert watched.wrong_variants(tmp_path, tmp_path, range(2)) == ["1501 MiB of memory"]


def test_piece_of_a_document_holds_its_first_records_when_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records = [{"id": number, "parts": [{"n": 1}] * 5} for number in range(1000)]
    path.write_text(json.dumps({"data": records}))
    first, *_ = pieces_of(path)
    assert len(first) <= MOST_BYTES
    assert json.loads(first)["data"][0] == records[0]


def test_piece_of_a_table_holds_whole_lines_when_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["number,text\n", *(f"{number},some text\n" for number in range(5000))]
    path.write_text("".join(lines))
    first, spread, whole = pieces_of(path)
    assert whole.decode().splitlines(keepends=True) == lines
    for piece in (first, spread):
        assert len(piece) <= MOST_BYTES
        assert piece.decode().splitlines(keepends=True)[0] == lines[0]
        assert set(piece.decode().splitlines(keepends=True)) <= set(lines)
    assert b"4990,some text\n" not in first
