"""What operators published of a day or an hour, landed as ordinary files, gives the published figures.

DeepSeek's tokens are published in whole billions, so revenue can only agree to the rounding of those.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.e2e import published_energy
from tests.e2e.published_day import write_landing
from tests.e2e.published_figures import PUBLISHED
from tests.e2e.running import Ask, tokenworks
from tokenworks.published import query
from tokenworks_sources.settings import Settings

pytestmark = pytest.mark.e2e
D = Decimal
THE_DAY = "where model = 'deepseek-r1'"


def write_page(page: Path, folder: Path, others: Path) -> None:
    """The files of docs/reproductions.md, the fleet of others being part of its own."""
    found = re.findall(
        r"^`day/([a-z.]+)`.*?^```\w+\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    )
    files = dict(found)
    assert sorted(files) == ["fleet.yaml", "leases.csv", "mapping.yaml", "prices.csv", "totals.csv"]
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    fleet, whole = yaml.safe_load(files["fleet.yaml"]), yaml.safe_load(others.read_text())
    since = fleet["valid_from"].isoformat()
    replicas = fleet["deployments"][0]["replicas"]
    for entry in (
        *fleet["sites"],
        *fleet["tenants"],
        *fleet["servers"],
        *fleet["deployments"],
        *replicas,
    ):
        entry.setdefault("valid_from", since)
    for section in ("sites", "tenants", "servers", "deployments"):
        whole[section].extend(fleet[section] + published_energy.fleet()[section])
    (folder / "fleet.yaml").write_text(yaml.safe_dump(whole))
    others.unlink()


@pytest.fixture(scope="module")
def ask_day(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Ask:
    """SQL on the marts of what was published."""
    folder = tmp_path_factory.mktemp("published")
    settings = Settings.at(folder / "home")
    write_landing(PUBLISHED, settings.landing)
    published_energy.write_prompts(settings.landing)
    others = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    write_page(root / "docs" / "reproductions.md", folder / "day", others)
    for command in (("ingest", str(folder / "day")), ("build",)):
        run = tokenworks(settings.home, *command)
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


def test_five_files_of_the_page_give_the_published_day_when_no_request_was_logged(
    ask_day: Ask,
) -> None:
    """One line of totals, three steps of nodes: the same $87,072, 56.25 %, $562,100 and 226.75, 278 at the peak."""
    assert ask_day(
        "select sum(cost_fully_loaded_usd), sum(cost_idle_usd), sum(cost_list_usd), "
        "sum(input_cache_read_tokens) / sum(input_total_tokens), sum(output_total_tokens) "
        "from rpt_unit_cost where model = 'r1'"
    ) == [(D(87_072), D(0), D(562_100), 0.5625, 168_000_000_000)]
    assert ask_day(
        "select sum(gpu_hours_paid) / 8 / 24, max(gpu_hours_paid) / 8 from rpt_utilization "
        "where model = 'r1' and hour_start < timestamp '2025-02-28 04:00'"
    ) == [(226.75, 278.0)]


def test_page_gives_dollars_per_million_and_savings_when_weights_are_stated(ask_day: Ask) -> None:
    """Of 266 B × 248 and 168 B × 540.5 the first is .42080: $36,639.0 for 266 B, and 342 B as dear would be 47,107."""
    assert ask_day(
        "select token_class, usd_per_m_fully_loaded, usd_per_m_list from rpt_rate_card where model = 'r1' "
        "order by token_class"
    ) == [
        ("input_cache_read", 0.0, 0.14),
        ("input_uncached", pytest.approx(0.137741, abs=5e-7), 0.55),
        ("output", pytest.approx(0.300197, abs=5e-7), 2.19),
    ]
    assert ask_day(
        "select hit_tokens, avoided_prefill_cost_usd from rpt_cache_economics where model = 'r1'"
    ) == [(342_000_000_000, pytest.approx(D("47107.26"), abs=D("0.01")))]
    assert ask_day(
        "select line_kind, total_amount, cost_list_usd from rpt_chargeback where tenant_id = 'everyone'"
    ) == [("tenant", D("87072.00"), D(562_100))]


def test_million_tokens_cost_what_price_and_speed_say_when_the_published_speed_is_rounded(
    ask_day: Ask,
) -> None:
    """$2.65 at 6,000 a second is $0.1227, published $0.12. $1.41 at 90 is $4.3519; the published $4.20 are 93.3."""
    found = ask_day(
        "select model, usd_per_m_output_fully_loaded from rpt_unit_cost "
        "where model in ('on-gb300', 'on-h200') order by model"
    )
    assert found == [
        ("on-gb300", pytest.approx(0.122685, abs=5e-7)),
        ("on-h200", pytest.approx(4.351852, abs=5e-7)),
    ]
    assert round(found[0][1], 2) == 0.12


def test_million_tokens_cost_the_published_dollars_when_one_gpu_is_always_busy(
    ask_day: Ask,
) -> None:
    """GMI Cloud's A to D: $6.54, $5.16, $4.63 and $1.39."""
    assert ask_day(
        "select round(usd_per_m_output_fully_loaded, 2) from rpt_unit_cost where model like 'on-gmi-%' order by model"
    ) == [(6.54,), (5.16,), (4.63,), (1.39,)]


def test_million_tokens_cost_ten_times_as_much_when_a_gpu_is_busy_for_a_tenth(ask_day: Ask) -> None:
    """$2.50 for 2.52 M tokens an hour is $0.9921; for the .252 M of six minutes $9.9206, $2.25 of it idle."""
    assert ask_day(
        "select usd_per_m_output_active, usd_per_m_output_fully_loaded, cost_idle_usd, idle_share_ratio "
        "from rpt_unit_cost where model = 'on-tenth'"
    ) == [
        (
            pytest.approx(0.992063, abs=5e-7),
            pytest.approx(9.920635, abs=5e-7),
            D("2.25"),
            pytest.approx(0.9),
        )
    ]


def test_margins_are_the_published_ones_when_prefill_and_decode_have_prices_of_their_own(
    ask_day: Ask,
) -> None:
    """InferenceX: $0.226 of $1.35 and $2.955 of $5.40 leave 83.26 % and 45.28 %."""
    ((cost_in, sold_in, cost_out, sold_out),) = ask_day(
        "select usd_per_m_input_uncached_fully_loaded, usd_per_m_input_uncached_list, "
        "usd_per_m_output_fully_loaded, usd_per_m_output_list from rpt_unit_cost where model = 'inferencex'"
    )
    assert (sold_in, sold_out) == (1.35, 5.40)
    assert (1 - cost_in / sold_in, 1 - cost_out / sold_out) == (
        pytest.approx(0.8326, abs=5e-5),
        pytest.approx(0.4528, abs=5e-5),
    )


def test_energy_of_a_prompt_is_the_published_one_at_each_boundary(ask_day: Ask) -> None:
    """Google's median prompt: 0.14 Wh of accelerators, 0.22 with hosts and idle machines, 0.24 with overhead."""
    assert ask_day(
        "select boundary, round(wh_per_request, 2), served_count from rpt_energy_boundaries "
        "where model = 'gemini' and idle_treatment = 'included' order by boundary"
    ) == [
        ("accelerator", 0.14, 100),
        ("facility", 0.24, 100),
        ("fully_loaded", 0.24, 100),
        ("it", 0.22, 100),
    ]
