"""What operators published of a day or an hour, landed as ordinary files, gives the published figures.

DeepSeek's tokens are published in whole billions, so revenue can only agree to the rounding of those.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.e2e.published_day import PUBLISHED, write_landing
from tests.e2e.running import Ask, tokenworks
from tokenworks.published import query
from tokenworks_sources.settings import Settings

pytestmark = pytest.mark.e2e
D = Decimal
THE_DAY = "where model = 'deepseek-r1'"


@pytest.fixture(scope="module")
def ask_day(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """SQL on the marts of what was published."""
    settings = Settings.at(tmp_path_factory.mktemp("published") / "home")
    write_landing(PUBLISHED, settings.landing)
    for command in ("ingest", "build"):
        run = tokenworks(settings.home, command)
        assert run.returncode == 0, run.stdout + run.stderr
    return lambda statement: [tuple(row) for row in query(settings, statement)[1]]


def test_cost_is_the_published_one_when_leases_are_landed(ask_day: Ask) -> None:
    """226.75 nodes of 8 GPUs at $2 for 24 hours: $87,072, all of it served, to the last digit."""
    assert ask_day(
        "select category, sum(cost_usd) from fct_cost_ledger where bill_id = 'LEASES-deepseek' group by 1"
    ) == [("served", D(87_072))]
    assert ask_day(
        f"select sum(cost_fully_loaded_usd), sum(cost_idle_usd) from rpt_unit_cost {THE_DAY}"
    ) == [(D(87_072), D(0))]


def test_nodes_are_the_published_average(ask_day: Ask) -> None:
    assert ask_day(f"select sum(gpu_hours_paid) / 8 / 24 from rpt_utilization {THE_DAY}") == [
        (pytest.approx(226.75, rel=1e-12),)
    ]


def test_tokens_and_hit_rate_are_the_published_ones_when_a_row_holds_billions(ask_day: Ask) -> None:
    """608 B in, of which 342 B from the cache (56.3 %), 168 B out, over two UTC dates."""
    found = ask_day(
        "select count(*), sum(input_total_tokens), sum(input_cache_read_tokens), "
        "sum(input_uncached_tokens), sum(output_total_tokens), "
        f"sum(input_cache_read_tokens) / sum(input_total_tokens) from rpt_unit_cost {THE_DAY}"
    )
    tokens = (608_000_000_000, 342_000_000_000, 266_000_000_000, 168_000_000_000)
    assert found == [(2, *tokens, pytest.approx(0.563, abs=0.0005 + 1e-9))]


def test_revenue_and_margin_are_the_published_ones_at_list_prices(ask_day: Ask) -> None:
    """342,000 × .14 + 266,000 × .55 + 168,000 × 2.19 = $562,100; published: $562,027 and 545 %."""
    (list_cost, cost) = ask_day(
        f"select sum(cost_list_usd), sum(cost_fully_loaded_usd) from rpt_unit_cost {THE_DAY}"
    )[0]
    assert list_cost == D(562_100)
    assert float(list_cost) == pytest.approx(562_027, rel=2e-4)
    assert float((list_cost - cost) / cost) == pytest.approx(5.45, abs=0.01)


def test_dollars_per_million_follow_the_published_phase_throughputs(ask_day: Ask) -> None:
    """73.7 k tokens a second in (266 of 608 computed), 14.8 k out, per node of $16 an hour."""
    found = ask_day(
        "select sum(usd_per_m_input_uncached_fully_loaded * input_uncached_tokens) "
        "/ sum(input_uncached_tokens), "
        "sum(usd_per_m_output_fully_loaded * output_total_tokens) / sum(output_total_tokens), "
        f"sum(usd_per_m_input_cache_read_fully_loaded) from rpt_unit_cost {THE_DAY}"
    )
    assert found == [(pytest.approx(0.1378, abs=5e-5), pytest.approx(0.3001, abs=1e-4), 0.0)]


def test_million_tokens_cost_the_published_20_cents_when_prefill_and_decode_are_apart(
    ask_day: Ask,
) -> None:
    """SGLang: 22.3 k out a node of $16 is 80.28 M an hour, $0.1993; 52.3 k in is 188.28 M, $0.0850."""
    found = ask_day(
        "select cost_fully_loaded_usd, cost_idle_usd, usd_per_m_output_fully_loaded, "
        "usd_per_m_input_uncached_fully_loaded from rpt_unit_cost where model = 'deepseek-v3'"
    )
    assert found == [
        (D(192), D(0), pytest.approx(0.199302, abs=5e-7), pytest.approx(0.084980, abs=5e-7))
    ]
    assert round(found[0][2], 2) == 0.20


def test_million_tokens_cost_what_price_and_speed_say_when_the_published_speed_is_rounded(
    ask_day: Ask,
) -> None:
    """$2.65 at 6,000 a second is $0.1227, published $0.12. $1.41 at 90 is $4.3519; the published $4.20 are 93.3."""
    found = ask_day(
        "select model, usd_per_m_output_fully_loaded from rpt_unit_cost "
        "where model like 'deepseek-r1-on-%' order by model"
    )
    assert found == [
        ("deepseek-r1-on-gb300", pytest.approx(0.122685, abs=5e-7)),
        ("deepseek-r1-on-h200", pytest.approx(4.351852, abs=5e-7)),
    ]
    assert round(found[0][1], 2) == 0.12
