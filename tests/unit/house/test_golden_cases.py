"""Which test holds which golden case about money: none may go without notice.

Published figures (PUB), definitional cases (SYN), and wrong numbers that other systems printed (named by the
thread that reported them).
"""

from __future__ import annotations

from pathlib import Path

import pytest

UNIT_TESTS = "dbt/models/intermediate"
COSTS = f"{UNIT_TESTS}/costs/_costs__unit_tests.yml"
ALLOCATION = f"{UNIT_TESTS}/allocation/_allocation__unit_tests.yml"
ELECTRICITY = f"{UNIT_TESTS}/costs/_electricity__unit_tests.yml"
FINANCE = f"{UNIT_TESTS}/finance/_finance__unit_tests.yml"
REQUESTS = f"{UNIT_TESTS}/requests/_requests__unit_tests.yml"
TARIFFS = f"{UNIT_TESTS}/tariffs/_tariffs__unit_tests.yml"
PUBLISHED = "tests/properties/test_published_cases.py"
USAGE = "tests/unit/connectors/test_usage.py"

CASES: dict[str, tuple[tuple[str, str], ...]] = {
    "PUB-05 cost functions of InferenceX": (
        (PUBLISHED, "test_pub_05_dollars_and_joules_per_token_are_those_of_inferencex"),
    ),
    "PUB-08 FOCUS virtual currency": (
        (PUBLISHED, "test_pub_08_credits_cost_when_they_are_used_and_not_when_they_are_bought"),
        (PUBLISHED, "test_pub_08_unit_prices_are_those_of_the_row_and_not_of_the_narrative"),
    ),
    "PUB-09 price and volume": ((FINANCE, "PUB-09"),),
    "PUB-11 Green Button scaling": (
        (
            "tests/unit/connectors/test_green_button.py",
            "test_one_and_a_quarter_kwh_cost_18_75_cents_when_the_feed_says_1250_wh_and_18750",
        ),
    ),
    "SYN-05 hour split": (
        (REQUESTS, "syn_05_request_that_spans_hours"),
        (
            "tests/properties/test_books.py",
            "test_hours_of_a_request_sum_to_it_when_it_is_split_at_their_boundaries",
        ),
    ),
    "SYN-06 idle": ((COSTS, "syn_06_idle_is_apart_from_active"),),
    "SYN-07 methods": (
        (COSTS, "syn_07_shares_by_method"),
        ("tests/dbt/test_ledger.py", "test_phase_weights_share_the_pool_as_in_syn_07"),
    ),
    "SYN-08 Shapley": ((ALLOCATION, "syn_08_shapley_value_of_the_peak"),),
    "SYN-09 rounding": (("dbt/tests/assert_allocate_splits_exactly.sql", "SYN-09"),),
    "SYN-10 variance": (
        (FINANCE, "bridge_sums_when_volume_mix_efficiency_and_price_move"),
        (
            "tests/dbt/test_variance.py",
            "test_volume_is_the_growth_of_all_tokens_at_the_mean_cost",
        ),
    ),
    "SYN-11 capex": (
        ("dbt/models/marts/rpt_gpu_hour_cost.yml", "syn_11_annuity_and_straight_line"),
        ("dbt/models/marts/rpt_gpu_hour_cost.yml", "syn_11_gpu_hour"),
    ),
    "SYN-12 tariff": (
        (TARIFFS, "syn_12_energy_by_time_of_use"),
        (TARIFFS, "syn_12_demand_and_its_ratchet"),
        (TARIFFS, "syn_12_peak_depends_on_the_window"),
        (ELECTRICITY, "each_demand_line_has_the_peak_that_it_bills"),
    ),
    "SYN-13 PUE": (
        (ELECTRICITY, "syn_13_measured_pue"),
        (ELECTRICITY, "syn_13_top_down_and_bottom_up"),
    ),
    "SYN-14 DST": (
        (TARIFFS, "syn_14_wall_clock_of_a_site"),
        (
            "tests/dbt/test_calendar.py",
            "test_local_days_have_23_and_25_hours_when_clocks_change",
        ),
        (
            "tests/unit/reports/test_zoned.py",
            "test_day_of_25_hours_costs_25_hours_and_the_month_is_the_bill",
        ),
        (
            "tests/unit/reports/test_zoned.py",
            "test_day_of_23_hours_costs_23_hours_and_the_month_is_the_bill",
        ),
    ),
    "langfuse#12306: the cache counted twice": (
        (USAGE, "test_total_counts_the_cache_once_when_anthropic_reports_it_beside"),
        (USAGE, "test_total_counts_the_cache_once_when_litellm_made_anthropic_inclusive"),
    ),
    "phoenix#10036: cached tokens priced in full": (
        (COSTS, "published_bills_of_cached_prompts_are_met"),
    ),
    "litellm#42663: a write priced by its detail": (
        (COSTS, "cached_write_is_priced_as_written"),
        (USAGE, "test_write_is_the_total_when_its_details_are_incomplete"),
    ),
    "Portkey#1754: cached input left out of the prompt": (
        (
            "tests/unit/connectors/test_usage_adapters.py",
            "Portkey: Anthropic's cache is in the total, not in the prompt",
        ),
    ),
    "ODS PR #2519: 90 % cached": ((COSTS, "mostly_cached"),),
    "langfuse agent spans: parent and child counted": (
        (REQUESTS, "sightings_are_the_last_state_and_the_innermost_span"),
        (
            "tests/unit/connectors/test_genai_kinds.py",
            "test_a_span_is_skipped_when_it_only_frames_calls",
        ),
    ),
    "vllm#44961: no details are no zero": (
        (
            "tests/unit/connectors/test_litellm.py",
            "test_cached_tokens_are_unknown_when_no_place_has_them",
        ),
        ("tests/dbt/test_marts.py", "test_unknown_stays_null_when_no_fleet_knows_the_request"),
    ),
    "OpenCost: time per token taken for decode seconds": (
        (COSTS, "opencost_split_puts_decode_seconds_on_the_output"),
        (
            PUBLISHED,
            "test_opencost_cost_goes_to_input_by_its_seconds_and_not_by_the_time_per_token",
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_golden_case_about_money_has_its_test(case: str, root: Path) -> None:
    missing = [
        f"{place}: {name}"
        for place, name in CASES[case]
        if not (root / place).is_file() or name not in (root / place).read_text(encoding="utf-8")
    ]
    assert missing == []
