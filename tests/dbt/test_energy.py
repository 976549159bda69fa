"""Energy and carbon of the small lake at every boundary, computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[[str], list[tuple[Any, ...]]]


def test_every_boundary_holds_the_one_within_it(ask: Ask) -> None:
    """G1 drew .25, .30 and .20 kWh of .30, .35 and .25; the meter read 1, 3 and 2; PUE is 1.25.

    Facility: .25 / .30 x 1 + .30 / .35 x 3 + .20 / .25 x 2 = 5.0047619; IT that over 1.25. G1 was empty for 40
    and 30 minutes at 50 W: .0583333 kWh less while busy. All that the site drew is its only deployment's.
    """
    found = ask(
        "select boundary, idle_treatment, energy_kwh, wh_per_request, carbon_location_grams "
        "from rpt_energy_boundaries where model = 'llama-small' order by energy_kwh"
    )
    assert [row[:2] for row in found] == [
        ("accelerator", "excluded"),
        ("accelerator", "included"),
        ("it", "excluded"),
        ("it", "included"),
        ("facility", "excluded"),
        ("facility", "included"),
        ("fully_loaded", "included"),
    ]
    kwh = [row[2] for row in found]
    assert kwh[:2] == pytest.approx([0.6916667, 0.75], abs=1e-7)
    assert kwh[3] == pytest.approx(4.0038095, abs=1e-6)
    assert kwh[5:] == pytest.approx([5.0047619, 6.0], abs=1e-6)
    # Four requests were served, at 400 g a kWh.
    assert [row[3] for row in found] == pytest.approx([one * 250 for one in kwh])
    assert [row[4] for row in found] == pytest.approx([one * 400 for one in kwh], abs=1e-5)


def test_energy_per_token_is_unknown_when_a_gpu_was_not_measured(ask: Ask) -> None:
    found = ask(
        "select count(*), count(energy_kwh), count(carbon_market_grams), count(market_source) "
        "from rpt_energy_boundaries where model = 'llama-large'"
    )
    assert found == [(7, 0, 0, 0)]


def test_site_hour_tells_pue_and_price_when_its_meter_was_read(ask: Ask) -> None:
    """3.00 USD of energy for 6 kWh; 2.4 kWh of IT in hour 11, where the meter read 3."""
    found = ask(
        "select it_kwh, facility_kwh, pue_ratio, cue_kg_per_kwh, cast(energy_usd_per_kwh as varchar), "
        "market_source from rpt_site_hours where site_id = 'us' and hour_start = '2026-09-01 11:00'"
    )
    assert found == [(2.4, 3.0, 1.25, 0.5, "0.500000000000", "location")]
