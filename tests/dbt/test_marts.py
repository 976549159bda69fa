"""The other marts of the small lake, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Ask = Callable[[str], list[tuple[Any, ...]]]
D = Decimal


def test_duplicate_attempt_is_one_row_when_it_lies_in_the_lake_twice(ask: Ask) -> None:
    found = ask(
        "select count(*), sum(input_total_tokens), sum(output_total_tokens) from fct_requests "
        "where request_id = 'r1'"
    )
    assert found == [(1, 1_000, 101)]


def test_requests_sum_to_the_ledger_by_tenant_and_component(ask: Ask) -> None:
    """Busy time of small-us: 2.00 × (1/3 + 1 + 1/2) of lease."""
    found = ask(
        "select tenant_id, sum(cost_accelerator_usd), sum(cost_active_usd) from fct_requests "
        "where deployment_id = 'small-us' group by all order by 1"
    )
    ledger = ask(
        "select tenant_id, sum(cost_usd) filter (component = 'accelerator'), sum(cost_usd) "
        "from fct_cost_ledger where category in ('served', 'waste') group by all order by 1"
    )
    assert found == ledger
    assert sum(row[1] for row in found) == D("3.666666666667")


def test_unknown_stays_null_when_no_fleet_knows_the_request(ask: Ask) -> None:
    found = ask(
        "select event_date, deployment_id, model, input_cache_read_tokens, input_uncached_tokens, "
        "cost_active_usd, cost_list_usd, quality_flags from fct_requests where emitter = 'trace'"
    )
    assert found == [
        (
            date(2023, 11, 16),
            None,
            None,
            None,
            None,
            None,
            None,
            "deployment_unknown,cache_read_unknown,end_unknown",
        )
    ]


def test_gateway_cache_hit_costs_nothing(ask: Ask) -> None:
    found = ask(
        "select cost_active_usd, cost_list_usd, allocation_method from fct_requests "
        "where request_id = 'r6'"
    )
    assert found == [(D(0), D(0), "no-engine-work")]


def test_list_price_counts_each_class_at_its_own_price(ask: Ask) -> None:
    """A: 30,000 × .10 + 60,000 × .01 + 1,000 × .40 per million."""
    found = ask("select cost_list_usd from fct_requests where request_id = 'A'")
    assert found == [(D("0.0040"),)]


def test_marginal_cost_is_the_energy_above_idle_at_the_tariff(ask: Ask) -> None:
    """Hour 10: 0.50 for 1 kWh; 900 − 50 W × 3600 s = 720 kJ above idle, × 1.25 = 0.25 kWh."""
    found = ask("select sum(cost_marginal_usd) from fct_requests where request_id in ('r1', 'r2')")
    assert found == [(D("0.125"),)]


def test_energy_of_requests_is_that_of_the_busy_time(ask: Ask) -> None:
    """Hour 10: 900 kJ less 40 empty minutes at 50 W = 780 kJ; the meter says 1 kWh for 1080 kJ of GPUs."""
    found = ask(
        "select sum(energy_accelerator_joules), sum(energy_facility_joules) from fct_requests "
        "where request_id in ('r1', 'r2')"
    )
    # The factor 3.6 MJ / 1.08 MJ is kept in millionths, rounded down.
    assert found == [(780_000.0, 2_599_999.74)]


def test_deployment_hour_shows_states_and_gauges(ask: Ask) -> None:
    found = ask(
        "select gpu_hours_assigned, gpu_hours_ready, gpu_hours_busy, gpu_hours_ready_empty, busy_method, "
        "mean_running, batch_fill_ratio, engine_output_tokens, tokens_per_step, limiting_factor "
        "from fct_deployment_hours where deployment_id = 'large-eu' and hour(hour_start) = 10"
    )
    # Counter 100, 160, 220, 15, then 75: 195. Two running of four slots for half of the hour.
    assert found == [(1.0, 1.0, 0.5, 0.5, "engine_gauge", 1.0, 0.5, 195, 4.0, "demand")]


def test_demand_limits_when_nothing_runs_or_waits(ask: Ask) -> None:
    found = ask(
        "select mean_running, mean_waiting, batch_fill_ratio, limiting_factor from rpt_batching "
        "where deployment_id = 'large-eu' and hour(hour_start) = 11"
    )
    assert found == [(0.0, 0.0, None, "demand")]


def test_utilization_ladder_counts_gpus_that_nobody_holds(ask: Ask) -> None:
    found = ask(
        "select deployment_id, gpu_hours_paid, allocation_util_ratio, ready_util_ratio, busy_util_ratio "
        "from rpt_utilization where hour(hour_start) = 12 order by 1"
    )
    assert found == [
        ("(unallocated) us", 1.0, 0.0, None, None),
        ("large-eu", 1.0, 1.0, pytest.approx(1 / 60), 0.0),
        # Only the cancelled request shows life: half an hour.
        ("small-us", 1.0, 1.0, 0.5, 1.0),
    ]


def test_mfu_is_unknown_when_no_seed_knows_the_model_and_the_board(ask: Ask) -> None:
    """`llama-large` is nobody's model, and `H100` is a name of several boards."""
    found = ask(
        "select roofline.mfu_ratio, ladder.mfu_ratio, ladder.mfu_source, chip, bound, missing_facts "
        "from rpt_roofline as roofline "
        "inner join rpt_utilization as ladder using (deployment_id, hour_start) "
        "where deployment_id = 'large-eu' and hour(hour_start) = 10"
    )
    assert found == [(None, None, None, "H100", "demand", "model,precision,chip")]


def test_unit_cost_carries_every_dollar_of_the_day(ask: Ask) -> None:
    total = ask(
        "select sum(cost_fully_loaded_usd) from rpt_unit_cost where event_date = '2026-09-01'"
    )
    # 12.30 + 3.60 − 0.90 in dollars, 13.00 + 0.30 euros at 1.10, each entry of them rounded.
    assert total == [(D("29.630000000001"),)]


def test_unit_cost_splits_classes_by_phase_weights(ask: Ask) -> None:
    """Cached input weighs nothing here; tokens of the cancelled attempt do not dilute the price."""
    found = ask(
        "select request_count, input_uncached_tokens, input_cache_read_tokens, output_total_tokens, "
        "round(cost_active_usd, 9), usd_per_m_input_cache_read_active, usd_per_m_output_list, "
        "token_coverage_ratio "
        "from rpt_unit_cost where model = 'llama-small'"
    )
    assert found == [(6, 40_800, 60_600, 10_301, D("5.805555556"), 0.0, pytest.approx(0.4), 1.0)]


def test_latency_counts_failures_in_the_denominator_and_hides_the_tail_when_few(ask: Ask) -> None:
    found = ask(
        "select request_count, success_count, attainment_den, ttft_count, ttft_p50_seconds, "
        "ttft_p99_seconds, ttft_is_low_n from rpt_latency where model = 'llama-small'"
    )
    # TTFT of r1 0.5, r2 2.0, A and B 0.5, and 1.0 of the cancelled attempt, which is not in the denominator.
    assert found == [(6, 5, 5, 5, 0.5, None, True)]


def test_energy_report_names_its_boundary(ask: Ask) -> None:
    found = ask(
        "select accelerator_kwh, accelerator_busy_kwh, pue_ratio, metered_hours_ratio, "
        "carbon_location_grams / facility_kwh from rpt_energy where model = 'llama-small'"
    )
    # 2700 kJ = 0.75 kWh; busy: 780 + 1080 + 630 kJ.
    assert found == [(0.75, pytest.approx(2_490 / 3_600), 1.25, 1.0, pytest.approx(400.0))]


def test_energy_is_unknown_when_no_gpu_was_measured(ask: Ask) -> None:
    found = ask(
        "select model, accelerator_kwh, facility_kwh, joules_per_output_token_accelerator, "
        "carbon_location_grams, measured_gpu_hours_ratio from rpt_energy where model = 'llama-large'"
    )
    assert found == [("llama-large", None, None, None, None, 0.0)]


def test_gpu_hour_costs_what_its_server_costs(ask: Ask) -> None:
    """srv-us: lease 12.00 and power 3.60 over 6 GPU-hours. srv-eu: 3.00 and .30 euros at 1.10 over 3.

    small-us is busy 1/3, 1 and 1/2 of its three hours, large-eu half of one.
    """
    found = ask(
        "select server_id, accounting_usd, economic_usd, available_gpu_hours, assigned_gpu_hours, "
        "round(busy_gpu_hours, 9), round(accounting_usd_per_available_gpu_hour, 9), "
        "round(accounting_usd_per_busy_gpu_hour, 9) from rpt_gpu_hour_cost order by 1"
    )
    assert found == [
        ("srv-eu", D("3.63"), None, 3.0, 3.0, 0.5, 1.21, 7.26),
        ("srv-us", D("15.6"), D("15.6"), 6.0, 3.0, 1.833333333, 2.6, 8.509090909),
    ]
