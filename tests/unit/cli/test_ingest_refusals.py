"""What `tokenworks ingest` says and does about files that bring nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tokenworks.cli import main

runner = CliRunner()
FIXTURES = Path(__file__).resolve().parents[2] / "hostile" / "fixtures"
RATES = "rate_date,base_currency,quote_currency,rate\n2026-09-01,EUR,USD,1.1\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("TOKENWORKS_HOME", str(home))
    return home


def ingest(*arguments: Path | str) -> Result:
    return runner.invoke(main.app, ["ingest", *map(str, arguments)])


def words(text: str) -> str:
    return " ".join(text.split())


def landed(home: Path) -> list[str]:
    """The files below the landing folder, and the folders that are left there."""
    return sorted(str(path.relative_to(home)) for path in (home / "landing").rglob("*"))


def spend_log(folder: Path, lines: int) -> Path:
    path = folder / "spend.jsonl"
    record = {"request_id": "r", "startTime": "2026-09-01T10:00:00Z", "call_type": "acompletion"}
    path.write_text("".join(json.dumps(record) + "\n" for _ in range(lines)))
    return path


def test_wrong_connector_is_a_failure_and_leaves_nothing_when_it_can_use_no_record(
    home: Path, tmp_path: Path
) -> None:
    path = spend_log(tmp_path, lines=3)
    run = ingest(path, "--connector", "usage_bodies")
    assert run.exit_code == 1
    assert "connector usage_bodies does not recognise it; litellm does (a LiteLLM spend log" in (
        words(run.stdout)
    )
    assert "all 3 records were rejected (3 × usage: none in the record)" in words(run.stderr)
    assert landed(home) == []
    assert list((home / "lake" / "_manifest" / "requests").glob("*.json")) == []
    assert list((home / "lake" / "_rejects").rglob("*.parquet")) == []
    again = ingest(path, "--connector", "usage_bodies")
    assert again.exit_code == 1
    assert "all 3 records were rejected" in words(again.stderr)


def test_wrong_connector_is_a_clear_error_when_it_reads_other_columns(home: Path) -> None:
    run = ingest(FIXTURES / "google_regions" / "carbon" / "2023.csv", "--connector", "langfuse")
    assert run.exit_code == 1
    assert "it is not a Langfuse export of observations. Its columns must include" in (
        words(run.stderr)
    )
    assert "langfuse does not recognise it; google_regions does" in words(run.stderr)
    assert landed(home) == []


def test_wrong_connector_is_a_failure_when_it_skips_every_record(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"object": "list", "data": []}\n' * 2)
    run = ingest(path, "--connector", "usage_bodies")
    assert run.exit_code == 1
    assert "connector usage_bodies could use nothing of it" in words(run.stderr)
    assert landed(home) == []


SHARES = dict.fromkeys(("coal", "naturalGas", "nuclear", "petroleum", "solar", "wind"), 1)


def test_file_is_a_failure_when_what_is_not_left_out_is_rejected(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mix.json"
    path.write_text(json.dumps({"yukon": SHARES, "quebec": {"carbon_intensity": "low"}}))
    run = ingest(path)
    assert run.exit_code == 1
    assert "of 2 records 1 hold nothing for the lake, all others were rejected" in words(run.stderr)
    assert landed(home) == []


def test_file_is_no_failure_when_it_rightly_holds_nothing(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mix.json"
    path.write_text(json.dumps({"yukon": SHARES}))
    run = ingest(path)
    assert run.exit_code == 0, run.stderr
    assert "Left out, as it holds nothing for the lake" in words(run.stdout)
    assert ingest(path).exit_code == 0
    assert ingest().exit_code == 0


def test_named_connector_is_no_doubt_when_it_recognises_the_file(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(RATES)
    assert ingest(path).exit_code == 0
    run = ingest(FIXTURES / "langfuse" / "in" / "batch.csv", "--connector", "langfuse")
    assert run.exit_code == 0, run.stderr
    assert "named on the command line; a Langfuse export of observations" in words(run.stdout)
    assert "does not recognise" not in words(run.stdout)


def test_file_stays_in_the_landing_folder_when_it_was_there_before(
    home: Path, tmp_path: Path
) -> None:
    path = spend_log(tmp_path, lines=2)
    folder = home / "landing" / "requests" / "usage_bodies" / tmp_path.name
    folder.mkdir(parents=True)
    (folder / path.name).write_bytes(path.read_bytes())
    run = ingest(path, "--connector", "usage_bodies")
    assert run.exit_code == 1
    assert (folder / path.name).exists()
    # Rejects of what lies there are kept, and every later call still says so.
    assert len(list((home / "lake" / "_rejects" / "requests").glob("*.parquet"))) == 1
    later = ingest()
    assert later.exit_code == 1
    assert "all 2 records were rejected" in words(later.stderr)


def test_sidecar_goes_with_the_file_when_nothing_of_it_was_written(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "mapping.yaml").write_text("extends: fx_rates_same_names\n")
    (folder / "rates.csv").write_text(RATES.replace("1.1", "a lot"))
    run = ingest(folder)
    assert run.exit_code == 1
    assert "its only record was rejected" in words(run.stderr)
    assert landed(home) == []


def test_left_out_files_are_listed_by_the_end_of_their_names_when_nothing_is_known(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "LICENSE", "notes.md"):
        (folder / name).write_text("words\n")
    run = ingest(folder)
    assert run.exit_code == 1
    said = words(run.stdout)
    assert "6 files of no known format left out" in said
    assert "4 × .txt (a.txt, b.txt, c.txt, …)" in said
    assert "1 × .md (notes.md)" in said
    assert "1 × no extension (LICENSE)" in said
    for remedy in ("tokenworks connectors", "about.yaml", "docs/mapping.md"):
        assert remedy in said
    assert "nothing was ingested" in words(run.stderr)
    assert "no landing folder" not in words(run.stderr)


def test_path_fails_when_it_brought_nothing_though_another_did(home: Path, tmp_path: Path) -> None:
    good = tmp_path / "rates.csv"
    good.write_text(RATES)
    (tmp_path / "empty").mkdir()
    run = ingest(good, tmp_path / "empty")
    assert run.exit_code == 1
    assert "there is no data file" in words(run.stderr)
    assert "1 file ingested" in words(run.stdout)


def test_files_of_other_calls_are_told_apart_when_they_come_along(
    home: Path, tmp_path: Path
) -> None:
    early = home / "landing" / "fx_rates" / "mapped" / "early.csv"
    early.parent.mkdir(parents=True)
    early.write_text(RATES.replace("1.1", "1.2"))
    path = tmp_path / "rates.csv"
    path.write_text(RATES)
    run = ingest(path)
    assert run.exit_code == 0, run.stderr
    assert "1 file ingested, 0 in the lake before" in words(run.stdout)
    assert (
        "1 file that lay in the landing folder already came along (fx_rates/mapped/early.csv)"
        in (words(run.stdout))
    )


def test_ambiguous_file_of_a_folder_is_named_with_all_who_claim_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tokenworks_sources.connectors import registry

    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "rates.csv").write_text(RATES)
    monkeypatch.setattr(registry, "CONNECTORS", registry.CONNECTORS * 2)
    run = ingest(folder)
    assert run.exit_code == 1
    assert "more than one connector claims it: mapped" in words(run.stderr)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (RATES.replace(",", ";").encode(), "cells are parted by semicolons"),
        (RATES.replace(",", "\t").encode(), "cells are parted by tabs"),
        (RATES.encode("utf-16"), "it is UTF-16 text, and connectors read UTF-8"),
        (RATES.encode("utf-16-le"), "it is UTF-16LE text"),
        (RATES.encode("utf-16-be"), "it is UTF-16BE text"),
        (RATES.encode("utf-32"), "it is UTF-32 text"),
        ((RATES + "2026-09-02,€UR,USD,1.2\n").encode("cp1252"), "it is WINDOWS-1252 text"),
    ],
)
def test_reading_is_named_when_another_form_of_a_known_file_is_met(
    home: Path, tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes(data)
    run = ingest(path)
    assert run.exit_code == 1
    assert said in words(run.stderr)
    assert "else it would be read by mapped (mapping fx_rates_same_names)" in words(run.stderr)
    assert "iconv -f" in run.stderr or "delimiter:" in run.stderr


def test_mark_at_the_begin_of_utf_8_changes_nothing(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes(RATES.encode("utf-8-sig"))
    assert ingest(path).exit_code == 0
