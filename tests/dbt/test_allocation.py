"""Other methods than the default, slices and pools: the small lake split otherwise, by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import duckdb
import pytest

from tokenworks.warehouse import build_warehouse
from tokenworks_sources.settings import Settings

D = Decimal
Row = dict[str, Any]
Ask = Callable[[str], list[tuple[Any, ...]]]


def _entry(small_lake: ModuleType, deployment: str, hour: int, method: str, **more: str) -> Row:
    start = small_lake.FLEET_FROM + timedelta(hours=hour)
    return {
        "deployment_id": deployment, "method": method, "weight_source": "auto",
        "headroom": "measure", "valid_from": start, **more,
    }  # fmt: skip


def _pooled_requests(small_lake: ModuleType) -> list[Row]:
    """An hour of a disaggregated deployment; its log names no replica. One attempt failed, then answered."""
    whole = {
        "endpoint": None,
        "deployment_key": "key-pd",
        "first_token_at": small_lake.at("10:00:30"),
    }
    return [
        small_lake._request("p1", "10:00:00", "11:00:00", "acme", input_total_tokens=300,
                            output_total_tokens=10, **whole),
        small_lake._request("p2", "10:00:00", "11:00:00", "beta", input_total_tokens=100,
                            output_total_tokens=30, routing_propensity=0.25, quality_score=4.0, **whole),
        small_lake._request("q1", "12:40:00", "12:41:00", "acme", logical_request_id="q",
                            input_total_tokens=50, output_total_tokens=5, status="failure"),
        small_lake._request("q2", "12:42:00", "12:44:00", "acme", logical_request_id="q",
                            input_total_tokens=50, output_total_tokens=20),
    ]  # fmt: skip


def _rows(small_lake: ModuleType) -> dict[str, list[Row]]:
    """small-us: the peak, then prices, then equal shares; large-eu: headroom is idle; G2 in two slices."""
    rows: dict[str, list[Row]] = small_lake.tables()
    dated = {"valid_from": small_lake.FLEET_FROM, "valid_to": None}
    rows["fleet_deployments"].append(
        {"deployment_id": "pd-us", "deployment_key": "key-pd", "model": "llama-pd", "tier": "small",
         "site_id": "us", **dated}
    )  # fmt: skip
    rows["fleet_replicas"] += [
        {"replica_id": f"pd-{role}", "deployment_id": "pd-us", "gpu_uuid": "G2", "role": role,
         "mig_profile": profile, "gpu_share_ratio": share, "endpoint": f"pd-{role}:8000", **dated}
        for role, profile, share in (("prefill", "3g.40gb", 0.5), ("decode", "4g.40gb", 0.571429))
    ]  # fmt: skip
    rows["fleet_allocations"] = [
        _entry(small_lake, "small-us", 0, "shapley-peak"),
        _entry(small_lake, "small-us", 11, "price-weighted"),
        _entry(small_lake, "small-us", 12, "equal-share"),
        _entry(small_lake, "large-eu", 0, "phase-weighted", headroom="idle"),
        _entry(small_lake, "pd-us", 0, "uncached-tokens"),
    ]
    rows["requests"] += _pooled_requests(small_lake)
    return rows


@pytest.fixture(scope="module")
def ask_split(small_lake: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Rows of a query on the lake split by other methods; the data tests of the project passed on it."""
    settings = Settings.at(tmp_path_factory.mktemp("allocation") / "home")
    small_lake.write_lake(settings.lake, _rows(small_lake))
    assert build_warehouse(settings, threads=1).warnings == ()

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.build_database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


def _lease(hour: int, deployment: str) -> str:
    return (
        "select tenant_id, category, cause, sum(cost), any_value(allocation_method) "
        "from fct_cost_ledger where bill_id = 'INV-1' and component = 'accelerator' "
        f"and hour(hour_start) = {hour} and deployment_id = '{deployment}' "
        "and category in ('served', 'waste') group by all order by 1, 2, 3"
    )


def test_peak_is_shared_by_who_makes_it(ask_split: Ask) -> None:
    """r1 and r2 run one each, and five minutes of them together: equal shares of 20 minutes of 2.00."""
    assert ask_split(_lease(10, "small-us")) == [
        ("acme", "served", None, D("0.333333333334"), "even-hours|gpu-time|shapley-peak"),
        ("beta", "served", None, D("0.333333333333"), "even-hours|gpu-time|shapley-peak"),
    ]


def test_prices_share_the_hour_when_every_request_has_one(ask_split: Ask) -> None:
    """A: 30,000 × .10 + 60,000 × .01 + 1,000 × .40 = 4,000; B: 10,000 × .10 + 9,000 × .40 = 4,600."""
    assert ask_split(_lease(11, "small-us")) == [
        ("acme", "served", None, D("0.930232558140"), "even-hours|gpu-time|price-weighted"),
        ("beta", "served", None, D("1.069767441860"), "even-hours|gpu-time|price-weighted"),
    ]


def test_failed_attempt_is_retried_waste_when_another_one_answered(ask_split: Ask) -> None:
    """r5 ran 30 minutes and was cancelled; q1 one minute and failed, q2 two and answered."""
    method = "even-hours|gpu-time|equal-share"
    assert ask_split(_lease(12, "small-us")) == [
        ("acme", "served", None, D("0.066666666667"), method),
        ("acme", "waste", "cancelled", D("1.000000000000"), method),
        ("acme", "waste", "retried", D("0.033333333333"), method),
    ]
    found = ask_split(
        "select request_id, allocation_method, round(cost_accelerator_usd, 9) from fct_requests "
        "where request_id in ('q1', 'q2') order by 1"
    )
    assert found == [
        ("q1", "equal-share", D("0.033333333")),
        ("q2", "equal-share", D("0.066666667")),
    ]


def test_tokens_of_a_retried_attempt_do_not_dilute_the_price(ask_split: Ask) -> None:
    found = ask_split(
        "select request_count, output_total_tokens from rpt_unit_cost where model = 'llama-small'"
    )
    # r1, r2, A, B, q2 and the gateway's cache hit apart: 101 + 200 + 1,000 + 9,000 + 20.
    assert found == [(8, 10_321)]


def test_pools_of_a_deployment_are_told_when_its_replicas_have_roles(ask_split: Ask) -> None:
    found = ask_split(
        "select deployment_id, replica_count, prefill_replica_count, decode_replica_count "
        "from dim_deployments where deployment_id in ('pd-us', 'small-us') order by 1"
    )
    assert found == [("pd-us", 2, 1, 1), ("small-us", 1, None, None)]


def test_chance_and_score_of_an_answer_are_published_when_they_are_logged(ask_split: Ask) -> None:
    found = ask_split(
        "select request_id, routing_propensity, quality_score from fct_requests "
        "where request_id in ('p2', 'q1') order by 1"
    )
    assert found == [("p2", 0.25, 4.0), ("q1", None, None)]


def test_headroom_is_idle_where_the_fleet_asks_for_it(ask_split: Ask) -> None:
    """large-eu had two of four slots running for half of the hour: a quarter of 1.00 EUR is headroom."""
    found = ask_split(
        "select category, cause, cost from fct_cost_ledger where deployment_id = 'large-eu' "
        "and hour(hour_start) = 10 and component = 'accelerator' order by 1, 2"
    )
    assert found == [
        ("idle", "headroom", D("0.25")),
        ("idle", "ready_empty", D("0.5")),
        ("unattributed", "no_tokens", D("0.25")),
    ]


def test_pools_of_a_sliced_gpu_cost_what_they_hold_and_go_by_their_phase(ask_split: Ask) -> None:
    """Slices of .5 and .571429 share the GPU of 2.00: .9333 and 1.0667. Input 300 : 100, output 10 : 30."""
    found = ask_split(
        "select pool, tenant_id, round(cost, 4) from fct_cost_ledger where deployment_id = 'pd-us' "
        "and hour(hour_start) = 10 and component = 'accelerator' and category = 'served' order by 1, 2"
    )
    assert found == [
        ("decode", "acme", D("0.2667")),
        ("decode", "beta", D("0.8000")),
        ("prefill", "acme", D("0.7000")),
        ("prefill", "beta", D("0.2333")),
    ]
    requests = ask_split(
        "select request_id, round(cost_accelerator_usd, 4) from fct_requests "
        "where deployment_id = 'pd-us' order by 1"
    )
    assert requests == [("p1", D("0.9667")), ("p2", D("1.0333"))]


def test_weights_say_where_they_come_from_and_why_not(ask_split: Ask) -> None:
    found = ask_split(
        "select deployment_id, weight_source, is_used, refusal from dim_phase_weights "
        "where deployment_id <> 'large-eu' order by 1, 2"
    )
    assert found == [
        ("pd-us", "fitted", False, "too few hours"),
        ("pd-us", "measured", False, "the engine exports no phase seconds"),
        ("pd-us", "stated", False, "fleet.yaml states no weights"),
        ("small-us", "fitted", False, "too few hours"),
        ("small-us", "measured", False, "the engine exports no phase seconds"),
        ("small-us", "stated", False, None),
    ]


def test_all_costs_stand_side_by_side_with_the_utilisation_between_them(ask_split: Ask) -> None:
    """small-us: busy 20, 60 and 33 of 60 minutes, and ready for as long as a request shows life."""
    found = ask_split(
        "select busy_util_den, round(busy_util_ratio, 6), cost_active_usd + cost_idle_usd "
        "+ cost_overhead_usd = cost_fully_loaded_usd from rpt_unit_cost where model = 'llama-small'"
    )
    assert found == [(3.0, round(113 / 180, 6), True)]
