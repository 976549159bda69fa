"""Real public files, from landing to marts: totals exact, percentiles as their authors published.

Nothing of the files is in this repository. Expected values are typed out, or read from the authors'
own summary beside the raw files.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.e2e.benchmark_fleet import (
    FEBRUARY,
    april_runs,
    february_runs,
    fleet_of,
    kept_objectives,
)
from tokenworks.publish import publish
from tokenworks.published import query
from tokenworks.warehouse import build_warehouse
from tokenworks_sources.connectors.energy_readings.mlperf import power_window
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.manifest import load_manifests
from tokenworks_sources.outcomes import FAILED
from tokenworks_sources.placement import place_path
from tokenworks_sources.settings import Settings

pytestmark = pytest.mark.e2e

Ask = Callable[[str], list[tuple[Any, ...]]]

ENERGY_OS = "energy/greenbutton"
SOURCES = (
    "llm_traces/azure2023_code.csv",
    "llm_traces/mooncake_conversation_trace.jsonl.gz",
    FEBRUARY,
    "gpu_metrics/mlperf_v4.1_h200_power",
    "gpu_metrics/nvidia_smi_captures",
    ENERGY_OS,
    "cloud_bills/focus_1.0_slice_ship.csv",
)


@pytest.fixture(scope="module")
def settings(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings.at(tmp_path_factory.mktemp("real") / "home")
    april = april_runs(shared_data)
    for source in [shared_data / source for source in SOURCES] + list(april):
        place_path(settings, source)
    # Scrapes saved by hand carry no time: their file name gives it, as a shipper's would.
    scrapes = settings.landing / "gpu_samples" / "dcgm_prometheus"
    scrapes.mkdir(parents=True, exist_ok=True)
    for path in (shared_data / "gpu_metrics/dcgm_exporter_text").glob("*.ini"):
        target = scrapes / f"{path.stem}-20260301T000000Z.prom"
        target.write_bytes(path.read_bytes())
    fleet = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    fleet.parent.mkdir(parents=True)
    tiers = {run["exp_name"]: "bench" for run in february_runs(shared_data)}
    tiers |= {folder.name: "agents" for folder in april}
    fleet.write_text(yaml.safe_dump(fleet_of(tiers)))
    report = ingest_landing(settings)
    failed = report.with_status(FAILED)
    assert all("TariffSample" in outcome.name for outcome in failed), failed
    build_warehouse(settings)
    publish(settings)
    return settings


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Ask:
    return lambda statement: [tuple(row) for row in query(settings, statement)[1]]


def test_azure_code_trace_keeps_every_request_and_token(ask: Ask) -> None:
    found = ask(
        "select count(*), sum(input_total_tokens), sum(output_total_tokens) from fct_requests "
        "where source_file like '%azure2023_code%'"
    )
    assert found == [(8_819, 18_059_974, 245_896)]


def test_mooncake_trace_keeps_every_request_token_and_block(ask: Ask) -> None:
    found = ask(
        "select count(*), sum(input_total_tokens), sum(output_total_tokens), "
        "sum(len(prefix_block_hashes)) from fct_requests where source_file like '%mooncake%'"
    )
    assert found == [(12_031, 144_793_823, 4_122_048, 288_500)]


def test_every_inferencex_run_has_the_requests_of_its_summary(ask: Ask, shared_data: Path) -> None:
    found = dict(
        ask("select deployment_id, count(*) from fct_requests where tier = 'bench' group by 1")
    )
    assert found == {
        run["exp_name"]: int(run["num_requests"]) for run in february_runs(shared_data)
    }


PERCENTILES = {
    "ttft_mean_seconds": "mean_ttft_ms",
    "ttft_p50_seconds": "p50_ttft_ms",
    "ttft_p90_seconds": "p90_ttft_ms",
    "ttft_p99_seconds": "p99_ttft_ms",
    "tpot_mean_seconds": "mean_tpot_ms",
    "tpot_p50_seconds": "p50_tpot_ms",
    "tpot_p90_seconds": "p90_tpot_ms",
    "tpot_p99_seconds": "p99_tpot_ms",
    "e2e_mean_seconds": "mean_latency_ms",
    "e2e_p50_seconds": "p50_latency_ms",
    "e2e_p90_seconds": "p90_latency_ms",
    "e2e_p99_seconds": "p99_latency_ms",
}


def test_latency_percentiles_equal_the_authors_own_summary(ask: Ask, shared_data: Path) -> None:
    rows = ask(f"select model, {', '.join(PERCENTILES)} from rpt_latency where tier = 'bench'")
    found = {row[0]: row[1:] for row in rows}
    runs = february_runs(shared_data)
    assert len(runs) == 24
    assert set(found) == {run["exp_name"] for run in runs}
    for run in runs:
        expected = [float(run[name]) / 1000 for name in PERCENTILES.values()]
        assert found[run["exp_name"]] == pytest.approx(expected, rel=1e-6), run["exp_name"]


AGENTIC = {
    "ttft_mean_seconds": "mean_ttft",
    "ttft_p50_seconds": "median_ttft",
    "ttft_p90_seconds": "p90_ttft",
    "tpot_mean_seconds": "mean_itl",
    "tpot_p50_seconds": "median_itl",
    "tpot_p90_seconds": "p90_itl",
    "e2e_mean_seconds": "mean_ttlt",
    "e2e_p50_seconds": "median_ttlt",
    "e2e_p90_seconds": "p90_ttlt",
    "request_count": "num_requests_total",
    "success_count": "num_requests_successful",
}


def test_agentic_runs_equal_their_summaries_when_most_requests_failed(
    ask: Ask, shared_data: Path
) -> None:
    rows = ask(f"select model, {', '.join(AGENTIC)} from rpt_latency where tier = 'agents'")
    found = {row[0]: row[1:] for row in rows}
    runs = april_runs(shared_data)
    assert len(found) == len(runs) == 10
    for folder, said in runs.items():
        expected = [said[name] for name in AGENTIC.values()]
        assert found[folder.name] == pytest.approx(expected, rel=1e-6), folder.name


def test_failures_are_held_against_the_objectives_when_a_run_is_agentic(
    ask: Ask, shared_data: Path
) -> None:
    rows = ask("select model, good_request_count, attainment_den from rpt_slo")
    expected = [(folder.name, *kept_objectives(folder)) for folder in april_runs(shared_data)]
    assert sorted(rows) == sorted(expected)
    # 44 of 537 were answered, 24 of them in time.
    assert ("agentic_dsr1_tp4_bs256_offloadon_tp4-ep4_conc256_b200-dgxc-slurm_4", 24, 537) in rows


def test_engine_counters_of_every_server_file_are_read(ask: Ask, shared_data: Path) -> None:
    """Highest value of the cumulative counters, read here with the csv module."""
    for run in ("tp1_bs16_offloadon", "tp4_bs512_offloadoff"):
        path = shared_data / "llm_traces/inferencex_feb2026" / run / "metrics_server_metrics.csv.gz"
        with gzip.open(path, "rt") as stream:
            last = list(csv.DictReader(stream))[-1]
        found = ask(
            "select cast(sum(engine_output_tokens) as bigint) from fct_deployment_hours "
            f"where deployment_id = '{run}'"
        )
        assert found == [(int(float(last["generation_tokens_total"])),)]


def test_coverage_alarms_only_where_a_client_file_lacks_what_its_server_counted(ask: Ask) -> None:
    """Their clocks differ, so runs are held against each other whole. Nobody else of the 34 alarms."""
    found = ask(
        "select subject, expected, actual from rpt_alarms where alarm = 'telemetry_coverage' "
        "and unit = 'output tokens' order by subject"
    )
    assert found == [
        # Engines decoded for requests that failed, whose tokens no client wrote down.
        ("agentic_dsr1_tp4_bs256_offloadon_tp4-ep4_conc256_b200-dgxc-slurm_4", 658_710, 124_628),
        ("agentic_dsr1_tp4_bs32_offloadoff_tp4-ep4_conc32_b200-dgxc-slurm_7", 679_217, 146_824),
        ("agentic_dsr1_tp8_bs12_offloadon_tp8-ep8_conc12_b200-dgxc-slurm_5", 112_206, 38_375),
        ("tp4_bs128_offloadoff", 2_881_024, 1_493_039),
        ("tp4_bs128_offloadon", 2_796_482, 1_424_270),
        # This one is the other way round: the server's file ends before its clients do.
        ("tp4_bs256_offloadoff", 2_308_367, 1_288_490),
        ("tp4_bs256_offloadon", 4_224_087, 2_229_185),
        ("tp4_bs64_offloadoff", 1_460_341, 756_636),
        ("tp4_bs64_offloadon", 141_459, 51_317),
    ]


def test_focus_slice_is_in_the_ledger_to_the_last_digit(ask: Ask, shared_data: Path) -> None:
    with (shared_data / "cloud_bills/focus_1.0_slice_ship.csv").open(newline="") as stream:
        effective = sum(Decimal(row["EffectiveCost"]) for row in csv.DictReader(stream))
    assert effective == Decimal("5.00008861742")
    found = ask("select sum(cost) from fct_cost_ledger where cost_source = 'charges'")
    assert found == [(effective,)]


@pytest.mark.parametrize(
    ("run", "watts", "tokens_per_second", "joules_per_token"),
    [
        ("llama2-70b-99.9_Offline", 6_153.0, 25_262.1, 0.2436),
        ("mixtral-8x7b_Offline", 6_154.8, 48_987.9, 0.1256),
    ],
)
def test_mlperf_power_gives_the_published_joules_per_token(
    settings: Settings,
    shared_data: Path,
    run: str,
    watts: float,
    tokens_per_second: float,
    joules_per_token: float,
) -> None:
    folder = shared_data / "gpu_metrics/mlperf_v4.1_h200_power" / run
    window = power_window(folder / "run_1__mlperf_log_detail.txt.gz")
    readings = pl.read_parquet(str(settings.lake / "energy_readings" / "*" / "*.parquet")).filter(
        pl.col("source_file").str.contains(f"{run}/run_1__spl", literal=True)
        & pl.col("interval_start").is_between(window.begin, window.end)
    )
    mean_watts = readings["average_power_kw"].mean() * 1000
    assert mean_watts == pytest.approx(watts, abs=0.05)
    assert mean_watts / tokens_per_second == pytest.approx(joules_per_token, abs=5e-5)


def test_every_green_button_interval_is_accounted_for(
    settings: Settings, shared_data: Path
) -> None:
    """Opening tags of readings and of bill summaries, in three namespace styles."""
    manifests = load_manifests(settings.lake, "energy_readings").values()
    counted = {Path(manifest.name).name: manifest for manifest in manifests}
    feeds = sorted((shared_data / ENERGY_OS).glob("energyos_*.xml.gz"))
    landed = [feed for feed in feeds if feed.name in counted]
    assert len(landed) == 11
    for feed in landed:
        with gzip.open(feed, "rt", encoding="utf-8") as stream:
            tags = len(
                re.findall(r"<(?:\w+:)?(?:IntervalReading|\w*UsageSummary)[ >]", stream.read())
            )
        assert counted[feed.name].records_in == tags, feed.name


def test_gpu_scrapes_and_captures_keep_every_gpu(settings: Settings) -> None:
    """Two readings in each of six captures; 2, 4, 1 and 1 GPUs in the four scrapes."""
    samples = pl.read_parquet(str(settings.lake / "gpu_samples" / "*" / "*.parquet"))
    by_kind = samples.group_by(pl.col("source_file").str.split("/").list.get(1)).len()
    assert dict(by_kind.rows()) == {"nvidia_smi_capture": 12, "dcgm_prometheus": 8}
