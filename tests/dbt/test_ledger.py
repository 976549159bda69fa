"""The ledger of the small lake: every cent where hand computation puts it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tokenworks.warehouse import BuildResult

Ask = Callable[[str], list[tuple[Any, ...]]]
D = Decimal


def test_every_test_of_the_project_passes_when_the_lake_is_sound(build_result: BuildResult) -> None:
    assert build_result.unit_tests >= 10
    assert build_result.tests >= 60
    assert build_result.warnings == ()


def test_ledger_sums_to_each_bill_and_currency(ask: Ask) -> None:
    found = ask(
        "select bill_id, currency, sum(cost) from fct_cost_ledger group by all order by bill_id"
    )
    assert found == [
        ("INV-1", "USD", D("12.3")),
        ("amortisation 2026-09", "EUR", D("13")),
        ("power-eu", "EUR", D("0.3")),
        ("power-us", "USD", D("3.6")),
        ("unbilled account 2026-09", "USD", D("-0.9")),
    ]


def test_reconciliation_balances_when_everything_is_allocated(ask: Ask) -> None:
    found = ask(
        "select check_name, subject, expected, actual, is_balanced from rpt_reconciliation "
        "where check_name <> 'bill_allocated' order by all"
    )
    assert found == [
        # The tariff asks for 6 kWh at .50 and a highest hour of 3 kW at .20.
        ("bill_vs_tariff", "power-us meter-us demand", D("0.6"), D("0.6"), True),
        ("bill_vs_tariff", "power-us meter-us energy", D(3), D(3), True),
        ("charges_delivered_twice", "INV-1", D(0), D(0), True),
        ("charges_delivered_twice", "unbilled account 2026-09", D(0), D(0), True),
        # The engine of large-eu counted 195 tokens that no gateway logged.
        ("gateway_vs_engine_input_tokens", "large-eu", D(0), D(0), True),
        ("gateway_vs_engine_output_tokens", "large-eu", D(195), D(0), False),
        ("gpu_hours_by_state", "eu", D(10_800), D(10_800), True),
        ("gpu_hours_by_state", "us", D(21_600), D(21_600), True),
        ("invoice_vs_effective", "INV-1", D("12.3"), D("12.3"), True),
        ("invoice_vs_effective", "unbilled account 2026-09", D("-0.9"), D("-0.9"), True),
        # 1.08, 1.26 and .9 MJ at .50 a kWh, of which the meter read 1, 3 and 2: .15 + .175 + .125.
        ("meter_vs_gpu_cost", "us", D(3), D("0.45"), True),
        # 6 kWh metered; GPUs 900 + 1080 + 720 + 3 × 180 = 3240 kJ = 0.9 kWh.
        ("meter_vs_gpu_energy", "us", D(6), D("0.9"), True),
    ]


def test_lease_hour_splits_into_idle_and_tenants_when_busy_a_third(ask: Ask) -> None:
    """4.00 an hour: 2.00 for the GPU of nobody, 2.00 for small-us, which is busy 20 of 60 minutes.

    Weights: acme 400 × .1378 + 101 × .3001 = 85.4301; beta 400 × .1378 + 200 × .3001 = 115.14.
    """
    found = ask(
        "select category, cause, tenant_id, cost from fct_cost_ledger "
        "where bill_id = 'INV-1' and component = 'accelerator' "
        "and hour_start = '2026-09-01 10:00:00' order by cost desc"
    )
    assert found == [
        ("idle", "unallocated", None, D("2.000000000000")),
        ("idle", "ready_empty", None, D("1.333333333333")),
        ("served", None, "beta", D("0.382709087746")),
        ("served", None, "acme", D("0.283957578921")),
    ]


def test_phase_weights_share_the_pool_as_in_syn_07(ask: Ask) -> None:
    found = ask(
        "select request_id, cost_accelerator_usd from fct_requests "
        "where request_id in ('A', 'B') order by request_id"
    )
    assert found == [("A", D("1.041724421473")), ("B", D("0.958275578527"))]
    assert round(float(found[0][1]) / 2.0, 6) == 0.520862


def test_energy_line_follows_the_meter_and_the_gpus(ask: Ask) -> None:
    """3.00 over 1, 3 and 2 kWh; in hour 11 G1 drew 1080 of 1260 kJ: 1.50 × 6/7 to small-us.

    With PUE 1.25 a fifth of it is cooling.
    """
    by_hour = ask(
        "select hour(hour_start), sum(cost) from fct_cost_ledger "
        "where bill_id = 'power-us' and component in ('electricity', 'cooling') "
        "group by all order by 1"
    )
    assert by_hour == [(10, D("0.5")), (11, D("1.5")), (12, D("1.0"))]
    found = ask(
        "select deployment_id, component, sum(cost), any_value(allocation_method) "
        "from fct_cost_ledger where bill_id = 'power-us' and component <> 'demand' "
        "and hour(hour_start) = 11 group by all order by 1 nulls last, 2"
    )
    by_gpu = "metered-price|gpu-energy"
    assert found == [
        ("small-us", "cooling", D("0.257142857143"), f"{by_gpu}|phase-weights(stated)"),
        ("small-us", "electricity", D("1.028571428571"), f"{by_gpu}|phase-weights(stated)"),
        (None, "cooling", D("0.042857142857"), by_gpu),
        (None, "electricity", D("0.171428571429"), by_gpu),
    ]


def test_demand_is_of_who_drew_at_the_peak(ask: Ask) -> None:
    """The peak is hour 11, where G1 drew 6/7: so in each of the three hours, .20 each."""
    found = ask(
        "select hour(hour_start), deployment_id, sum(cost), bool_and(not is_accrued), "
        "bool_and(contains(allocation_method, 'posted-evenly|peak-responsibility|gpu-energy')) "
        "from fct_cost_ledger where component = 'demand' group by all order by 1, 2"
    )
    assert found == [
        (hour, *share, True, True)
        for hour in (10, 11, 12)
        for share in (("small-us", D("0.171428571429")), (None, D("0.028571428571")))
    ]


def test_cancelled_request_is_waste_when_it_used_tokens(ask: Ask) -> None:
    found = ask(
        "select component, sum(cost) from fct_cost_ledger "
        "where category = 'waste' and cause = 'cancelled' group by all order by 1"
    )
    # Half of hour 12: of 1.00 for energy small-us drew 4/5, of .20 for demand it has 6/7.
    assert found == [
        ("accelerator", D("1")),
        ("cooling", D("0.08")),
        ("demand", D("0.085714285715")),
        ("electricity", D("0.32")),
    ]


def test_busy_hour_without_requests_stays_unattributed(ask: Ask) -> None:
    """large-eu ran two requests for half of hour 10, which no log explains: half of 1.00 EUR an hour."""
    found = ask(
        "select component, cause, cost, cost_usd from fct_cost_ledger "
        "where category = 'unattributed' order by 1"
    )
    assert found == [
        ("accelerator", "no_tokens", D("0.5"), D("0.55")),
        ("cooling", "no_tokens", D("0.016666666667"), D("0.018333333334")),
        ("electricity", "no_tokens", D("0.033333333334"), D("0.036666666667")),
    ]


def test_silent_engine_is_not_ready_when_its_last_scrape_has_held_two_intervals(ask: Ask) -> None:
    """The last scrape of 11:59 holds until 12:01; no sign of life follows."""
    found = ask(
        "select cause, cost from fct_cost_ledger where deployment_id = 'large-eu' "
        "and hour(hour_start) = 12 and component = 'accelerator' order by 1"
    )
    assert found == [("not_ready", D("0.983333333333")), ("ready_empty", D("0.016666666667"))]


def test_hours_that_nobody_saw_are_unobserved(ask: Ask) -> None:
    """The owned server costs 1.00 EUR an hour since midnight; the fleet was first seen at 10:00."""
    found = ask(
        "select count(distinct hour_start), sum(cost), sum(cost_usd) from fct_cost_ledger "
        "where cause = 'unobserved' and cost_source = 'amortisation'"
    )
    assert found == [(10, D("10"), D("11"))]


def test_shared_lines_are_overhead_by_component(ask: Ask) -> None:
    found = ask(
        "select cause, sum(cost), count(deployment_id) from fct_cost_ledger "
        "where category = 'overhead' group by all order by 1"
    )
    # The credit of the whole month: 3 of its hours or of all others, it is shared by everyone.
    assert found == [("network", D("0.3"), 0), ("other", D("-0.9"), 0)]
