"""The sample fleet from landing to reports: the pipeline finds the truth that was planted.

`sample_data/truth.json` was computed by plain accounting inside the simulation, which shares no code
with the connectors or the warehouse.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.e2e.running import Ask, Demo, tokenworks

pytestmark = pytest.mark.e2e

SERVED = "status = 'success' and not coalesce(is_gateway_cache_hit, false)"


@pytest.fixture(scope="module")
def truth(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "sample_data" / "truth.json").read_text())
    return document


def test_tokens_equal_the_truth_by_tenant_and_class(ask_demo: Ask, truth: dict[str, Any]) -> None:
    found = ask_demo(
        "select tenant_id, count(*), sum(input_total_tokens), sum(input_cache_read_tokens), "
        f"sum(input_uncached_tokens), sum(output_total_tokens) from fct_requests where {SERVED} "
        "group by 1"
    )
    expected = truth["tokens"]["served_by_tenant"]
    assert {row[0]: list(map(int, row[1:])) for row in found} == {
        tenant: list(counts.values()) for tenant, counts in expected.items()
    }


def test_attempts_are_counted_once_and_by_outcome(ask_demo: Ask, truth: dict[str, Any]) -> None:
    assert truth["faults"]["duplicate_rows"] == 95
    found = dict(ask_demo("select status, count(*) from fct_requests group by 1"))
    expected = truth["requests"]
    assert found == {
        "success": expected["success"],
        "failure": expected["failed"],
        "cancelled": expected["cancelled"],
    }


def test_bad_lines_are_rejects_with_file_and_line(demo: Demo, truth: dict[str, Any]) -> None:
    rejects = pl.read_parquet(str(demo.settings.lake / "_rejects" / "requests" / "*.parquet"))
    found = {(Path(name).name, line) for name, line in rejects["source_file", "source_line"].rows()}
    assert found == {(bad["file"], bad["line"]) for bad in truth["faults"]["bad_lines"]}


def test_prefix_hit_ratio_equals_the_truth(ask_demo: Ask, truth: dict[str, Any]) -> None:
    found = ask_demo(
        "select deployment_id, sum(input_cache_read_tokens), sum(input_total_tokens) "
        "from fct_requests where status in ('success', 'cancelled') "
        "and not coalesce(is_gateway_cache_hit, false) and output_total_tokens > 0 group by 1"
    )
    assert {row[0]: (int(row[1]), int(row[2])) for row in found} == {
        deployment: (cache["hit_tokens"], cache["input_total_tokens"])
        for deployment, cache in truth["prefix_cache"].items()
    }


def test_gpu_hours_by_state_equal_the_truth(ask_demo: Ask, truth: dict[str, Any]) -> None:
    """Log times carry milliseconds of network; loading of a new replica falls between scrapes."""
    found = ask_demo(
        "select deployment_id, sum(gpu_hours_assigned), sum(gpu_hours_busy), "
        "sum(gpu_hours_not_ready), sum(gpu_hours_ready_empty) from fct_deployment_hours group by 1"
    )
    expected = truth["gpu_hours"]["by_deployment"]
    assert len(found) == len(expected) == 6
    for deployment, assigned, busy, not_ready, ready_empty in found:
        true = expected[deployment]
        assert assigned == pytest.approx(true["assigned"], rel=1e-9)
        assert busy == pytest.approx(true["busy"], rel=1e-3)
        # True: 3.167 hours of medium-us; half-hourly scrapes resolve 2.5 of outage, 0.5 of loading.
        is_planted = deployment == "medium-us"
        assert not_ready == pytest.approx(3.0 if is_planted else 0.0, abs=1e-6)
        assert ready_empty == pytest.approx(true["ready_empty"], abs=0.2 if is_planted else 0.02)


def test_planted_outage_is_found_in_its_hours(ask_demo: Ask, truth: dict[str, Any]) -> None:
    assert truth["faults"]["outage"]["replica"] == "medium-us-1"
    found = ask_demo(
        "select strftime(hour_start, '%d %H'), round(gpu_hours_not_ready, 2) "
        "from fct_deployment_hours where deployment_id = 'medium-us' "
        "and gpu_hours_not_ready > 0.01 and event_date = date '2026-10-29' order by 1"
    )
    # Scrapes come every half hour: the last one, 14:30, holds two intervals.
    assert found == [("29 15", 0.5), ("29 16", 1.0), ("29 17", 1.0)]


def test_every_bill_is_allocated_to_the_last_digit(ask_demo: Ask, truth: dict[str, Any]) -> None:
    bills = dict(
        ask_demo(
            "select bill_id, sum(cost) from fct_cost_ledger where cost_source = 'energy_bills' group by 1"
        )
    )
    expected = {bill: Decimal(str(total["total"])) for bill, total in truth["bills"].items()}
    assert bills == expected
    charges = dict(
        ask_demo(
            "select currency, sum(cost) from fct_cost_ledger where cost_source = 'charges' group by 1"
        )
    )
    assert charges == {"USD": Decimal("1991.5"), "EUR": Decimal(2232)}


def test_dollars_land_where_the_truth_says(ask_demo: Ask, truth: dict[str, Any]) -> None:
    costs = truth["costs_usd"]
    by_category = dict(ask_demo("select category, sum(cost_usd) from fct_cost_ledger group by 1"))
    for category in ("served", "waste", "overhead", "idle"):
        assert float(by_category[category]) == pytest.approx(costs[category], rel=1e-3), category
    by_tenant = dict(
        ask_demo(
            "select tenant_id, sum(cost_usd) from fct_cost_ledger where category = 'served' group by 1"
        )
    )
    total = float(sum(by_tenant.values()))
    shares = {tenant: float(cost) / total for tenant, cost in by_tenant.items()}
    assert shares == pytest.approx(costs["served_share_by_tenant"], abs=1e-4)


def test_idle_dollars_have_their_cause(ask_demo: Ask, truth: dict[str, Any]) -> None:
    found = dict(
        ask_demo(
            "select deployment_id, sum(cost_usd) from fct_cost_ledger "
            "where category = 'idle' and cause = 'ready_empty' group by 1"
        )
    )
    expected = {
        owner.split("/")[0]: dollars
        for owner, dollars in truth["costs_usd"]["idle_by_owner_and_cause"].items()
        if owner.endswith("/ready_empty")
    }
    assert {owner: float(cost) for owner, cost in found.items()} == pytest.approx(
        expected, rel=2e-3
    )


def test_outage_costs_as_idle_of_its_own_cause(ask_demo: Ask, truth: dict[str, Any]) -> None:
    """3.167 hours are true; half-hourly scrapes resolve 3.0 of them, which cost as much less."""
    found = ask_demo(
        "select deployment_id, sum(cost_usd) from fct_cost_ledger "
        "where category = 'idle' and cause = 'not_ready' and cost_usd <> 0 group by 1"
    )
    true = truth["costs_usd"]["idle_by_owner_and_cause"]["medium-us/not_ready"]
    assert [(owner, float(cost)) for owner, cost in found] == [
        ("medium-us", pytest.approx(true * 3.0 / 3.167, rel=0.02))
    ]


def test_duplicates_are_in_the_lake_and_cost_nothing(
    demo: Demo, ask_demo: Ask, truth: dict[str, Any]
) -> None:
    rows = pl.scan_parquet(str(demo.settings.lake / "requests" / "*" / "*.parquet"))
    landed = rows.select(pl.len()).collect().item()
    ((charged,),) = ask_demo("select count(*) from fct_requests")
    assert landed - charged == truth["faults"]["duplicate_rows"] == 95


def test_method_of_a_deployment_is_the_one_that_the_fleet_names(ask_demo: Ask) -> None:
    found = ask_demo(
        "select distinct deployment_id, allocation_method from fct_requests "
        "where allocation_method <> 'no-engine-work' order by all"
    )
    assert dict(found) == dict.fromkeys(
        ("large-us", "medium-eu", "medium-us", "small-eu", "small-us"), "phase-weights(stated)"
    ) | {"large-eu": "uncached-tokens"}


def test_energy_follows_the_tariff_where_the_site_names_one(ask_demo: Ask) -> None:
    found = ask_demo(
        "select distinct site_id, split_part(allocation_method, '|', 1) from fct_cost_ledger "
        "where component = 'electricity' and charge_line_id in ('01', '02') order by all"
    )
    assert found == [("eu-west", "metered-kwh"), ("us-east", "metered-price")]
    checked = ask_demo(
        "select subject, is_balanced from rpt_reconciliation where check_name = 'bill_vs_tariff' "
        "order by all"
    )
    assert checked == [
        ("EL-US-2026-10 meter-us-east energy", True), ("EL-US-2026-11 meter-us-east energy", True)
    ]  # fmt: skip


def test_planted_price_change_is_on_its_own_line_of_the_bridge(ask_demo: Ask) -> None:
    """November against October. Two GPUs of large-eu for 24 hours at 1.55 and October's mean of 1.165923
    dollars: 86.7447. In October they cost 80.6484 a day: 1.40 for nine days, 1.55 for four, half of a
    credit of 6.50. The other two GPUs of the server moved half as much, and no other price did.
    """
    found = ask_demo(
        "select model, region, price_capacity_usd from rpt_variance "
        "where month = '2026-11' and price_capacity_usd is not null"
    )
    moved = {(model, region): float(dollars) for model, region, dollars in found}
    expected = dict.fromkeys(moved, 0.0) | {
        ("deepseek-r1-distill-llama-70b", "eu-west"): 6.0963,
        ("magistral-small-24b", "eu-west"): 3.04815,
        ("(unallocated)", "eu-west"): 3.04815,
    }
    assert moved == pytest.approx(expected, abs=5e-5)


def test_planted_price_change_shows_in_the_daily_lease(ask_demo: Ask) -> None:
    """Four A100 at 0.15 EUR more an hour: 14.40 EUR a day from 28 October on."""
    found = dict(
        ask_demo(
            "select cast(event_date as varchar), sum(cost) from fct_cost_ledger "
            "where cost_source = 'charges' and component = 'accelerator' and currency = 'EUR' "
            "and event_date in (date '2026-10-27', date '2026-10-28') group by 1"
        )
    )
    assert found["2026-10-28"] - found["2026-10-27"] == Decimal("14.4")


def test_owned_server_costs_its_straight_line_share(ask_demo: Ask) -> None:
    """(12,480 − 960) / 48 = 240 a month of its life; 19 October to 19 November has 31 days."""
    found = ask_demo(
        "select sum(cost) from fct_cost_ledger where cost_source = 'amortisation' "
        "and event_date = date '2026-10-20'"
    )
    assert float(found[0][0]) == pytest.approx(7.741935483871, abs=1e-9)


def test_p95_of_the_first_token_equals_the_truth(ask_demo: Ask, truth: dict[str, Any]) -> None:
    found = dict(
        ask_demo(
            "select deployment_id, quantile_cont(ttft_seconds, 0.95) from fct_requests "
            f"where {SERVED} and is_streaming group by 1"
        )
    )
    expected = {name: times["ttft_p95_seconds"] for name, times in truth["latency"].items()}
    assert found == pytest.approx(expected, abs=1e-5)


def test_gpu_energy_equals_the_truth(ask_demo: Ask, truth: dict[str, Any]) -> None:
    found = dict(
        ask_demo(
            "select deployment_id, sum(gpu_energy_joules) / 3.6e6 from fct_deployment_hours group by 1"
        )
    )
    expected: dict[str, float] = {}
    for replica, kwh in truth["energy"]["gpu_kwh_by_replica"].items():
        deployment = replica.rsplit("-", 1)[0]
        expected[deployment] = expected.get(deployment, 0.0) + kwh
    # The GPU of medium-us-1 drew 52 W for 168 h before it was given to the replica on 26 October.
    expected["medium-us"] -= 8.736
    assert found == pytest.approx(expected, rel=5e-3)


def test_everything_reconciles(ask_demo: Ask) -> None:
    assert (
        ask_demo("select check_name, subject from rpt_reconciliation where not is_balanced") == []
    )


def test_alarms_name_the_outage_and_nothing_else(ask_demo: Ask, truth: dict[str, Any]) -> None:
    """Scraped each half hour, the last time at 14:30 and again at 18:00: six are missing."""
    outage = truth["faults"]["outage"]
    assert (outage["start"], outage["end"]) == ("2026-10-29T14:57:36Z", "2026-10-29T17:57:36Z")
    found = ask_demo("select alarm, subject, cast(since as varchar), size, unit from rpt_alarms")
    expected = ("missing_scrapes", outage["replica"], "2026-10-29 14:30:00", 6.0, "scrapes")
    assert found == [expected]


def test_demo_says_what_it_did_and_what_to_do_next(demo: Demo) -> None:
    for expected in ("fully loaded", "large", "eu-west", "Warehouse", "Replay", "Reports", "Next:"):
        assert expected in demo.printed
    month = demo.settings.reports / "2026-10"
    assert {path.name for path in month.iterdir()} >= {"index.html", "tokenworks-2026-10.xlsx"}


def test_second_demo_ingests_nothing_and_publishes_the_same_bytes(demo: Demo) -> None:
    def parquet() -> dict[str, bytes]:
        folder = demo.settings.published_parquet
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*.parquet"))
        }

    before = parquet()
    again = tokenworks(demo.settings.home, "demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 files ingested, 217 in the lake before" in again.stdout
    assert before
    assert parquet() == before


def test_demo_keeps_out_of_a_home_with_other_data(tmp_path: Path) -> None:
    other = tmp_path / "landing" / "requests" / "litellm" / "ours.jsonl"
    other.parent.mkdir(parents=True)
    other.write_text("{}\n")
    run = tokenworks(tmp_path, "demo")
    assert run.returncode == 1
    assert "The demo keeps out of your books" in run.stderr
