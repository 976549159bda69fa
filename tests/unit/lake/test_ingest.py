"""The promises of ingest: idempotent, atomic, nothing lost, one bad file stops no other."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.unit.lake.rates import RateLines, land
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.engine_samples import vllm_prometheus
from tokenworks_sources.connectors.identity import identity_of
from tokenworks_sources.errors import ContractError
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake import LakeSink, ensure_tables
from tokenworks_sources.lake.paths import landing_lock
from tokenworks_sources.lake.stage import Stage
from tokenworks_sources.landing import digest_of
from tokenworks_sources.manifest import load_manifests
from tokenworks_sources.outcomes import FAILED, INGESTED, KNOWN
from tokenworks_sources.settings import Settings


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    return connector


def _lake(settings: Settings) -> list[tuple[str, str, str]]:
    frame = pl.read_parquet(str(settings.lake / "fx_rates" / "*" / "*.parquet"))
    return sorted(
        frame.select(
            pl.col("rate_date").cast(pl.String), "base_currency", pl.col("rate").cast(pl.String)
        ).rows()
    )


def _files(settings: Settings) -> dict[str, bytes]:
    return {
        str(path.relative_to(settings.lake)): path.read_bytes()
        for path in sorted(settings.lake.rglob("*.parquet"))
    }


TWO_DAYS = ("2026-10-19,EUR,USD,1.08", "2026-10-20,EUR,USD,1.09")


def test_rows_land_by_event_date(settings: Settings) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [INGESTED]
    assert report.rows() == {"fx_rates": 2}
    assert [str(day) for day in report.event_dates()["fx_rates"]] == ["2026-10-19", "2026-10-20"]
    assert _lake(settings) == [
        ("2026-10-19", "EUR", "1.080000000000"),
        ("2026-10-20", "EUR", "1.090000000000"),
    ]


def test_second_ingest_changes_nothing(settings: Settings) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    ingest_landing(settings)
    before = _files(settings)
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [KNOWN]
    assert report.rows() == {}
    assert _files(settings) == before


def test_copy_under_another_name_is_known_when_its_bytes_are(settings: Settings) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    land(settings, "b.csv", *TWO_DAYS)
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [INGESTED, KNOWN]
    assert len(_lake(settings)) == 2


def test_replaced_file_takes_its_old_rows_along(settings: Settings) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    ingest_landing(settings)
    land(settings, "a.csv", "2026-10-20,EUR,USD,1.5")
    ingest_landing(settings)
    assert _lake(settings) == [("2026-10-20", "EUR", "1.500000000000")]


def test_old_rows_stay_when_the_replacement_fails(settings: Settings) -> None:
    """A broken fleet.yaml must not leave the books without a fleet."""
    path = land(settings, "a.csv", *TWO_DAYS)
    ingest_landing(settings)
    path.write_bytes(b"\x1f\x8b\x08broken")
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [FAILED]
    assert len(_lake(settings)) == 2


def test_connector_fix_leaves_no_trace_of_old_rows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    ingest_landing(settings)
    monkeypatch.setattr(rate_lines, "version", "2", raising=False)
    monkeypatch.setattr(
        rate_lines,
        "read",
        lambda file, sink: sink.write(
            "fx_rates",
            pl.DataFrame(
                {
                    "rate_date": ["2026-10-21"],
                    "base_currency": ["GBP"],
                    "quote_currency": ["USD"],
                    "rate": ["1.3"],
                    "source_line": [2],
                }
            ).with_columns(pl.col("rate_date").str.to_date()),
        ),
        raising=False,
    )
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [INGESTED]
    assert _lake(settings) == [("2026-10-21", "GBP", "1.300000000000")]


def test_bad_record_is_kept_as_a_reject_without_its_words(settings: Settings) -> None:
    land(settings, "a.csv", TWO_DAYS[0], "my secret is swordfish 42", "2026-10-20,EUR,USD,-1")
    report = ingest_landing(settings)
    outcome = report.files[0]
    assert outcome.rows == {"fx_rates": 1}
    assert outcome.rejects == {"not four fields": 1, "rate: below 0": 1}
    rejects = pl.read_parquet(str(settings.lake / "_rejects" / "fx_rates" / "*.parquet"))
    assert rejects.sort("source_line").select("source_line", "reason").rows() == [
        (3, "not four fields"),
        (4, "rate: below 0"),
    ]
    assert "swordfish" not in "".join(rejects["raw"].to_list())


def test_other_files_land_when_one_cannot_be_read(settings: Settings) -> None:
    land(settings, "a.csv", *TWO_DAYS)
    (settings.landing / "fx_rates" / "rate_lines" / "b.csv").write_bytes(b"")
    (settings.landing / "fx_rates" / "rate_lines" / "c.csv").write_bytes(b"\x1f\x8b\x08cut")
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [INGESTED, FAILED, FAILED]
    assert "the file is empty. Remove it, or ship it again." in str(report.files[1].error)
    assert "damaged or ends early" in str(report.files[2].error)
    assert len(_lake(settings)) == 2


def test_nothing_is_kept_when_records_do_not_add_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    monkeypatch.setattr(rate_lines, "read", lambda file, sink: sink.expect(7), raising=False)
    land(settings, "a.csv", *TWO_DAYS)
    report = ingest_landing(settings)
    assert "7 records were read, but 0 written + 0 rejected + 0 skipped = 0" in str(
        report.files[0].error
    )
    assert _lake(settings) == []


@pytest.mark.parametrize("others", [0, 2])
def test_note_is_counted_beside_the_records(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines, others: int
) -> None:
    def read(file: LandingFile, sink: Sink) -> None:
        RateLines.read(rate_lines, file, sink)
        sink.note("zone: unknown")
        sink.note("unit: undecided, latency unknown", 3)

    monkeypatch.setattr(rate_lines, "read", read, raising=False)
    for number in range(others + 1):
        land(settings, f"{number}.csv", *TWO_DAYS, f"bad line {number}")
    for status in (INGESTED, KNOWN):
        for outcome in ingest_landing(settings).files:
            assert outcome.status == status
            assert outcome.notes == {"unit: undecided, latency unknown": 3, "zone: unknown": 1}
            assert outcome.rejected == 1
    manifests = load_manifests(settings.lake, "fx_rates").values()
    assert [manifest.records_in for manifest in manifests] == [3] * (others + 1)


def test_unfinished_files_wait(settings: Settings) -> None:
    for name in (".a.csv", "a.csv.part", "a.csv.tmp"):
        land(settings, name, *TWO_DAYS)
    assert ingest_landing(settings).files == []


def test_renamed_file_keeps_its_rows_once_when_it_is_corrected(settings: Settings) -> None:
    path = land(settings, "a.csv", *TWO_DAYS)
    ingest_landing(settings)
    path.rename(path.with_name("b.csv"))
    assert [outcome.status for outcome in ingest_landing(settings).files] == [KNOWN]
    land(settings, "b.csv", "2026-10-20,EUR,USD,1.5")
    ingest_landing(settings)
    assert _lake(settings) == [("2026-10-20", "EUR", "1.500000000000")]


def test_file_that_grows_while_it_is_read_is_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    path = land(settings, "a.csv", TWO_DAYS[0])
    with monkeypatch.context() as patch:
        patch.setattr(
            rate_lines,
            "read",
            lambda file, sink: (
                RateLines.read(rate_lines, file, sink),
                land(settings, "a.csv", *TWO_DAYS),
            ),
            raising=False,
        )
        report = ingest_landing(settings)
    assert "it changed while it was read. Run again" in str(report.files[0].error)
    assert path.exists()
    assert [outcome.status for outcome in ingest_landing(settings).files] == [INGESTED]
    assert len(_lake(settings)) == 2


def test_file_in_the_folder_of_another_table_is_refused(settings: Settings) -> None:
    path = land(settings, "a.csv", *TWO_DAYS)
    other = settings.landing / "charges" / "misc" / "a.csv"
    other.parent.mkdir(parents=True)
    path.rename(other)
    report = ingest_landing(settings)
    assert "Move it to landing/fx_rates/rate_lines/." in str(report.files[0].error)


def test_years_of_days_in_one_file_stay_below_the_limit_of_open_files(settings: Settings) -> None:
    days = [
        f"20{year:02d}-{month:02d}-15,EUR,USD,1.1" for year in range(40) for month in range(1, 13)
    ]
    land(settings, "a.csv", *days)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limit[1]))
    try:
        report = ingest_landing(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert report.rows() == {"fx_rates": 480}
    assert len(_lake(settings)) == 480


def test_same_scrape_of_two_replicas_is_two_files(tmp_path: Path) -> None:
    """Idle engines answer with the same bytes; folder and name tell scrapes apart."""
    scrapes = vllm_prometheus.CONNECTOR
    names = (
        "replica-1/20261019T000000Z.prom",
        "replica-1/20261019T010000Z.prom",
        "replica-2/20261019T000000Z.prom",
    )
    found = {
        identity_of(scrapes, tmp_path, f"engine_samples/vllm_prometheus/{name}", "d")
        for name in names
    }
    assert len(found) == 3


KILLED = """
import os, sys
sys.path[:0] = [{sources!r}, {here!r}]
from tokenworks_sources import manifest
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings
from tests.unit.lake.rates import RateLines
registry.CONNECTORS = (RateLines(),)
replace, calls = os.replace, [0]
def dying(*args):
    calls[0] += 1
    if calls[0] == {at} and {before}:
        os.kill(os.getpid(), 9)
    replace(*args)
    if calls[0] == {at}:
        os.kill(os.getpid(), 9)
manifest.os.replace = dying
ingest_landing(Settings.at({home!r}))
print("survived")
"""


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_lake_equals_an_undisturbed_run_when_killed_at_any_rename(
    settings: Settings, tmp_path: Path, root: Path, at: int, before: bool
) -> None:
    """Renames of a commit: journal, two parts, rejects, manifest."""
    clean = Settings.at(tmp_path / "clean")
    for home in (settings, clean):
        land(home, "a.csv", *TWO_DAYS, "bad line")
    ingest_landing(clean)
    ensure_tables(settings.lake)
    script = KILLED.format(
        sources=str(root / "sources"),
        here=str(root),
        at=at,
        before=before,
        home=str(settings.home),
    )
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert died.returncode == -9, died.stderr.decode()
    ingest_landing(settings)
    assert _lake(settings) == _lake(clean)
    ours = {name for name in _files(settings) if "_staging" not in name}
    assert ours == set(_files(clean))
    assert not list(settings.lake.rglob("*.journal"))


def test_two_processes_at_once_give_one_lake(settings: Settings, root: Path) -> None:
    for number in range(12):
        land(settings, f"{number}.csv", f"2026-10-{number + 1:02d},EUR,USD,1.{number}")
    script = KILLED.format(
        sources=str(root / "sources"),
        here=str(root),
        at=-1,
        before=False,
        home=str(settings.home),
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert [run.communicate()[0] for run in runs] == [b"survived\n", b"survived\n"]
    assert len(_lake(settings)) == 12
    assert len(load_manifests(settings.lake, "fx_rates")) == 12


def test_error_keeps_nothing_when_the_disk_is_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(settings, "a.csv", *TWO_DAYS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Stage, "_flush", full)
        report = ingest_landing(settings)
    assert "No space left on device. Nothing of this file was kept" in str(report.files[0].error)
    assert _lake(settings) == []
    assert not list((settings.lake / "_staging").iterdir())
    assert [outcome.status for outcome in ingest_landing(settings).files] == [INGESTED]


def test_sink_refuses_rows_of_the_wrong_type(settings: Settings) -> None:
    path = land(settings, "a.csv", *TWO_DAYS)
    file = LandingFile(path, "fx_rates/rate_lines/a.csv", digest_of(path))
    sink = LakeSink(settings, file, "rate_lines", "fx_rates")
    frame = pl.DataFrame(
        {
            "rate_date": ["yesterday"],
            "base_currency": ["EUR"],
            "quote_currency": ["USD"],
            "rate": ["1.0"],
            "source_line": [1],
        }
    )
    with pytest.raises(ContractError, match="fx_rates"):
        sink.write("fx_rates", frame)
    sink.discard()


def test_lock_is_released_when_its_process_ends(settings: Settings) -> None:
    with landing_lock(settings.lake, "fx_rates"):
        pass
    with landing_lock(settings.lake, "fx_rates"):
        assert (settings.lake / "_manifest" / "fx_rates").is_dir()


def test_empty_parts_are_written_once(settings: Settings) -> None:
    """A part that is written anew at every ingest would restate its date at every build."""
    ensure_tables(settings.lake)
    before = {path: path.stat().st_mtime_ns for path in settings.lake.rglob("_empty.parquet")}
    ensure_tables(settings.lake)
    assert before == {path: path.stat().st_mtime_ns for path in before}
