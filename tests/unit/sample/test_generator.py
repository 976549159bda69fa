"""The sample fleet as a whole: same bytes, nothing lost between simulation, files and truth."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sample.generate import generate
from tokenworks_sample.prefix_cache import PrefixCache


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiny")
    generate(out, days=2, scale=0.3)
    return out


@pytest.fixture(scope="module")
def committed(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "sample_data"


def truth_of(folder: Path) -> Any:
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


def content(folder: Path) -> dict[str, bytes]:
    """Decompressed, because two builds of zlib may pack the same bytes differently."""
    files = [folder / "truth.json", *sorted((folder / "landing").rglob("*"))]
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in files
        if path.is_file()
    }


def lines_of(folder: Path) -> list[tuple[str, int, str]]:
    """File, number and text of every line of the gateways' logs."""
    return [
        (path.name, number, line)
        for path in sorted((folder / "landing/requests/litellm").glob("*.jsonl.gz"))
        for number, line in enumerate(gzip.decompress(path.read_bytes()).decode().splitlines(), 1)
    ]


def rows_of(folder: Path) -> tuple[list[dict[str, Any]], set[tuple[str, int]]]:
    rows, bad = [], set()
    for name, number, line in lines_of(folder):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            bad.add((name, number))
            continue
        if row["startTime"] is None:
            bad.add((name, number))
        else:
            rows.append(row)
    return rows, bad


def own_of(row: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = row["metadata"].get("spend_logs_metadata", {})
    return own


def test_same_seed_gives_the_same_bytes_when_generated_twice(tiny: Path, tmp_path: Path) -> None:
    generate(tmp_path, days=2, scale=0.3)
    files = [p.relative_to(tiny) for p in sorted(tiny.rglob("*")) if p.is_file()]
    assert len(files) > 40
    assert [f for f in files if (tiny / f).read_bytes() != (tmp_path / f).read_bytes()] == []


def test_another_seed_gives_other_traffic_when_generated(tiny: Path, tmp_path: Path) -> None:
    generate(tmp_path, days=2, scale=0.3, seed=8)
    assert truth_of(tmp_path)["tokens"] != truth_of(tiny)["tokens"]


@pytest.mark.slow
def test_committed_output_is_what_the_generator_makes_when_run_afresh(
    committed: Path, tmp_path: Path
) -> None:
    generate(tmp_path)
    fresh, kept = content(tmp_path), content(committed)
    assert sorted(fresh) == sorted(kept)
    assert [name for name in fresh if fresh[name] != kept[name]] == []


def test_committed_output_is_below_five_megabytes_when_counted(committed: Path) -> None:
    files = [committed / "truth.json", *(committed / "landing").rglob("*")]
    assert sum(path.stat().st_size for path in files if path.is_file()) < 5_000_000


def test_engine_counters_equal_the_tokens_of_the_attempts_when_summed(committed: Path) -> None:
    truth = truth_of(committed)
    parts = [truth["tokens"][kind] for kind in ("served", "cancelled", "lost")]
    counters = truth["engine_counters"].values()
    for counter, column in (
        ("prompt_tokens", "input_total_tokens"),
        ("prefix_cache_hits", "input_cache_read_tokens"),
        ("generation_tokens", "output_total_tokens"),
    ):
        assert sum(c[counter] for c in counters) == sum(part[column] for part in parts)


def test_scraped_counters_miss_only_the_last_minutes_when_a_process_died(committed: Path) -> None:
    truth = truth_of(committed)
    whole, scraped = truth["engine_counters"], truth["engine_counters_scraped"]
    assert [name for name in whole if whole[name] != scraped[name]] == ["medium-us-1"]
    missed = whole["medium-us-1"]["prompt_tokens"] - scraped["medium-us-1"]["prompt_tokens"]
    assert 0 < missed < 50_000


def test_cached_tokens_follow_from_the_logged_blocks_when_replayed_by_replica(
    committed: Path,
) -> None:
    """The blocks in the log are all that the replicas' caches knew, so a replay must find the hits.

    `medium-us-1` is left out: its cache was emptied by the outage, and lost requests log no blocks.
    """
    truth = truth_of(committed)["prefix_cache"]
    rows, _ = rows_of(committed)
    seen = {r["request_id"]: r for r in rows if "queue_seconds" in own_of(r)}
    caches: dict[str, PrefixCache] = {}
    wrong = 0
    for row in sorted(seen.values(), key=lambda r: r["startTime"]):
        if "medium-us-1" in row["api_base"]:
            continue
        capacity = truth[row["model_id"]]["capacity_blocks_per_replica"]
        cache = caches.setdefault(row["api_base"], PrefixCache(capacity))
        blocks = own_of(row)["prefix_block_hashes"]
        hit = cache.leading_run(blocks) * 256
        cache.touch(blocks)
        computed = (row["prompt_tokens"] - 1) // 256 * 256
        details = row["metadata"]["usage_object"]["prompt_tokens_details"]
        wrong += min(hit, computed) != details["cached_tokens"]
    assert len(caches) == 7
    assert wrong == 0


def test_log_rows_equal_the_truth_when_duplicates_and_bad_lines_are_set_aside(
    committed: Path,
) -> None:
    truth = truth_of(committed)
    rows, bad = rows_of(committed)
    unique = {row["request_id"]: row for row in rows}
    assert len(unique) == truth["requests"]["attempts"]
    assert len(rows) - len(unique) == truth["faults"]["duplicate_rows"] == 95
    assert bad == {(f["file"], f["line"]) for f in truth["faults"]["bad_lines"]}
    assert len(bad) == 5
    served = [r for r in unique.values() if r["status"] == "success" and r["cache_hit"] == "False"]
    assert (
        sum(r["prompt_tokens"] for r in served) == truth["tokens"]["served"]["input_total_tokens"]
    )
    assert (
        sum(r["completion_tokens"] for r in served)
        == truth["tokens"]["served"]["output_total_tokens"]
    )
    errors = Counter(
        r["metadata"]["error_information"]["error_class"]
        for r in unique.values()
        if r["status"] == "failure"
    )
    assert dict(errors) == truth["requests"]["by_error_type"]


def test_late_files_hold_rows_of_an_earlier_day_when_read(committed: Path) -> None:
    late = truth_of(committed)["faults"]["late_files"]
    assert [f["file"] for f in late] == [
        "spend_us_2026-10-23_delivered_2026-10-26.jsonl.gz",
        "spend_eu_2026-10-27_delivered_2026-10-30.jsonl.gz",
    ]
    for fault in late:
        rows = [json.loads(line) for name, _, line in lines_of(committed) if name == fault["file"]]
        assert len(rows) == fault["rows"] > 0
        assert {row["endTime"][:10] for row in rows} == {fault["file"][9:19]}


def test_replica_gives_no_scrape_when_it_is_out(committed: Path) -> None:
    outage = truth_of(committed)["faults"]["outage"]
    assert outage == {
        "replica": "medium-us-1",
        "start": "2026-10-29T14:57:36Z",
        "end": "2026-10-29T17:57:36Z",
    }
    path = "landing/engine_samples/vllm_prometheus/medium-us-1/medium-us-1_2026-10-29.prom.gz"
    text = gzip.decompress((committed / path).read_bytes()).decode()
    times = re.findall(r"# scraped_at 2026-10-29T(1[4-8]:\d\d)", text)
    assert times == ["14:00", "14:30", "18:00", "18:30"]


def test_gpu_counters_integrate_to_the_energy_when_first_and_last_scrape_differ(
    committed: Path,
) -> None:
    counters: dict[str, list[int]] = {}
    folder = committed / "landing/gpu_samples/dcgm_prometheus"
    for path in sorted(folder.glob("*/*.prom.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if line.startswith("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{"):
                uuid = line.split('UUID="')[1].split('"')[0]
                counters.setdefault(uuid, []).append(int(line.rsplit(" ", 1)[1]))
    assert len(counters) == 11
    assert all(values == sorted(values) for values in counters.values())
    kwh = sum(values[-1] - values[0] for values in counters.values()) / 3.6e9
    sites = truth_of(committed)["energy"]["by_site"].values()
    assert kwh == pytest.approx(sum(site["gpu_kwh"] for site in sites), abs=0.0001)


def test_meter_counts_gpus_and_hosts_times_pue_when_noise_averages_out(committed: Path) -> None:
    sites = truth_of(committed)["energy"]["by_site"]
    for name, pue in (("us-east", 1.25), ("eu-west", 1.18)):
        site = sites[name]
        assert site["facility_kwh"] == pytest.approx(
            (site["gpu_kwh"] + site["host_kwh"]) * pue, rel=0.002
        )


def test_gpu_hours_are_all_accounted_for_when_states_are_summed(committed: Path) -> None:
    hours = truth_of(committed)["gpu_hours"]
    assert hours["paid"] == 11 * 24 * 14
    for row in hours["by_deployment"].values():
        states = row["busy"] + row["not_ready"] + row["ready_empty"]
        assert states == pytest.approx(row["assigned"], abs=1e-5)
    assigned = sum(row["assigned"] for row in hours["by_deployment"].values())
    assert assigned + sum(hours["unallocated_by_server"].values()) == hours["paid"]


def test_costs_sum_to_what_was_charged_when_two_days_are_added_up_by_hand(tiny: Path) -> None:
    truth = truth_of(tiny)
    costs = truth["costs_usd"]
    # Dollars: lease 4 x 24 x 1.35, network and storage 6.40 + 2.25, software 4.00, and
    # (12,480 - 960) / 48 / 31 of the owned server, each day.
    dollars = 2 * (129.60 + 8.65 + 4.00 + 7.7419354839)
    # Euros a day: leases 4 x 24 x 1.40 and 24 x 0.55, network and storage 5.10 + 2.05.
    euros = (134.40 + 13.20 + 7.15) * (1.1655 + 1.1672)
    us, eu = truth["bills"]["EL-US-2026-10"]["total"], truth["bills"]["EL-EU-2026-10"]["total"]
    least, most = dollars + euros + us + eu * 1.1655, dollars + euros + us + eu * 1.1672
    assert least < costs["total"] < most
    parts = ("served", "waste", "unattributed", "overhead", "idle")
    assert sum(costs[part] for part in parts) == pytest.approx(costs["total"], abs=1e-4)
    assert sum(costs["served_share_by_tenant"].values()) == pytest.approx(1.0, abs=1e-5)


def test_bills_split_at_the_local_end_of_october_when_the_clocks_have_changed(
    committed: Path,
) -> None:
    bills = truth_of(committed)["bills"]
    assert bills["EL-US-2026-10"]["period_end"] == "2026-11-01T04:00:00Z"
    assert bills["EL-EU-2026-10"]["period_end"] == "2026-10-31T23:00:00Z"
    sites = truth_of(committed)["energy"]["by_site"]
    for site, short in (("us-east", "US"), ("eu-west", "EU")):
        months = [bills[f"EL-{short}-2026-{month}"]["energy_kwh"] for month in (10, 11)]
        assert sum(months) == pytest.approx(sites[site]["facility_kwh"], abs=0.001)


def test_memory_stays_flat_when_the_scale_grows_tenfold(tmp_path: Path) -> None:
    peaks = []
    for scale in (0.3, 3.0):
        tracemalloc.start()
        generate(tmp_path / str(scale), days=1, scale=scale)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 8_000_000
