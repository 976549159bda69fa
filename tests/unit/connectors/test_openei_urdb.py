"""Tariffs of the Utility Rate Database: exact rates, tiers, schedules, and what cannot be priced."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.tariff_rates.openei_urdb import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

NIGHT = [0] * 8 + [1] * 12 + [0] * 4
WEEKDAY = [NIGHT] * 12
WEEKEND = [[0] * 24] * 12
TARIFF = {
    "label": "t1",
    "utility": "Utility",
    "name": "General Service",
    "sector": "Commercial",
    "startdate": 1727766000,
    "energyratestructure": [
        [{"rate": 0.1056, "adj": 0.029681, "max": 10.5, "unit": "kWh daily"}, {"rate": 0.2}],
        [{"rate": 0.14284, "sell": 0.05, "max": 1e38}],
    ],
    "energyweekdayschedule": WEEKDAY,
    "energyweekendschedule": WEEKEND,
}


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(*tariffs: object, text: str | None = None):
        path = tmp_path / "tariffs" / "answer.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"items": list(tariffs)}) if text is None else text)
        return ingest_file(path, CONNECTOR)

    return run


def rates(outcome) -> list[tuple]:
    columns = ("component", "period", "tier", "tier_max", "tier_unit", "rate", "adjustment", "unit")
    return outcome.frames["tariff_rates"].select(columns).rows()


def test_tiers_keep_their_digits_and_their_ends(ingest) -> None:
    outcome = ingest(TARIFF)
    assert rates(outcome) == [
        ("energy", 0, 0, Decimal("10.5"), "kWh daily", Decimal("0.1056"), Decimal("0.029681"), "kWh"),
        ("energy", 0, 1, None, None, Decimal("0.2"), None, "kWh"),
        ("energy", 1, 0, None, None, Decimal("0.14284"), None, "kWh"),
    ]  # fmt: skip
    frame = outcome.frames["tariff_rates"]
    assert frame["sell_rate"].to_list() == [None, None, Decimal("0.05")]
    # 1727766000 s is 2024-10-01 07:00 UTC, midnight in California.
    assert frame.select("tariff_id", "valid_from", "valid_to", "currency").row(0) == (
        "t1", datetime(2024, 10, 1, 7), None, "USD",
    )  # fmt: skip
    assert outcome.manifest.records_in == 1


def test_a_schedule_says_the_period_of_every_hour(ingest) -> None:
    hours = ingest(TARIFF).frames["tariff_schedule"]
    assert hours.height == 12 * 24 * 2
    peak = hours.filter(pl.col("period") == 1)
    assert peak.height == 12 * 12
    assert set(peak["day_type"]) == {"weekday"}
    assert (peak["hour"].min(), peak["hour"].max()) == (8, 19)
    assert set(hours["month"]) == set(range(1, 13))


def test_demand_fixed_and_minimum_charges_are_components(ingest) -> None:
    outcome = ingest(
        {
            **TARIFF,
            "energyratestructure": [],
            "demandrateunit": "kW daily",
            "demandratestructure": [[{"rate": 8.83}]],
            "demandwindow": 15,
            "demandratchetpercentage": [80] * 6 + [0.5] * 6,
            "flatdemandstructure": [[{"rate": 1}], [{"rate": 2, "max": 100}, {"rate": 3}]],
            "flatdemandmonths": [0] * 6 + [1] * 6,
            "coincidentratestructure": [[{"rate": 4}]],
            "coincidentrateunit": "kVA",
            "fixedchargefirstmeter": 2.9,
            "fixedchargeeaaddl": 1.5,
            "fixedchargeunits": "$/day",
            "minmonthlycharge": 20,
            "annualmincharge": 300,
            "fueladjustmentsmonthly": [0.001] * 12,
            "demandreactivepowercharge": 0.25,
        }
    )
    found = [row[:6] + row[7:] for row in rates(outcome) if row[0] != "fuel_adjustment"]
    assert found == [
        ("demand_tou", 0, 0, None, None, Decimal("8.83"), "kW daily"),
        ("coincident", 0, 0, None, None, Decimal(4), "kVA"),
        ("demand_flat", 0, 0, None, None, Decimal(1), "kW"),
        ("demand_flat", 1, 0, Decimal(100), "kW", Decimal(2), "kW"),
        ("demand_flat", 1, 1, None, None, Decimal(3), "kW"),
        ("fixed", 0, 0, Decimal(1), "meter", Decimal("2.9"), "day"),
        ("fixed", 0, 1, None, None, Decimal("1.5"), "day"),
        ("minimum", 0, 0, None, None, Decimal(20), "month"),
        ("minimum", 1, 0, None, None, Decimal(300), "year"),
        ("reactive", 0, 0, None, None, Decimal("0.25"), "kVAR"),
    ]
    frame = outcome.frames["tariff_rates"]
    demand = frame.filter(pl.col("component") == "demand_tou")
    assert demand["demand_window_minutes"].to_list() == [15.0]
    hours = outcome.frames["tariff_schedule"].filter(
        pl.col("hour") == 0, pl.col("day_type") == "weekday"
    )
    flat = hours.filter(pl.col("component") == "demand_flat").sort("month")
    assert flat["period"].to_list() == [0] * 6 + [1] * 6
    assert flat["ratchet_ratio"].to_list() == [0.8] * 6 + [0.5] * 6
    fuel = hours.filter(pl.col("component") == "fuel_adjustment").sort("month")
    assert fuel["period"].to_list() == list(range(12))


@pytest.mark.parametrize("start", [None, 0, 946_684_799])
def test_a_tariff_without_a_start_holds_from_2000(start: int | None, ingest) -> None:
    frame = ingest({**TARIFF, "startdate": start}).frames["tariff_rates"]
    assert set(frame["valid_from"]) == {datetime(2000, 1, 1)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": None}, "label: missing"),
        ({"energyweekdayschedule": None}, "energyweekdayschedule: not 12 months of 24 hours"),
        (
            {"energyweekdayschedule": [[2] * 24] * 12},
            "energyweekdayschedule: names a period that the rates do not have",
        ),
        ({"energyweekendschedule": [[0] * 23] * 12}, "energyweekendschedule: not 12 months of 24 hours"),
        ({"energyratestructure": [[{"rate": "dear"}]]}, "energyratestructure: not a number"),
        ({"energyratestructure": [[{"rate": True}]]}, "energyratestructure: not a number"),
        ({"energyratestructure": [[{}]]}, "energyratestructure: a tier has no rate"),
        ({"energyratestructure": [[]]}, "energyratestructure: a period is not a list of tiers"),
        ({"energyratestructure": 5}, "energyratestructure: not a list of periods"),
        (
            {"energyratestructure": None},
            "energyratestructure: no rate at all; ask the API with detail=full",
        ),
        ({"fixedchargefirstmeter": 2}, "fixedchargeunits: not $/month, $/day or $/year"),
        ({"startdate": -5}, "startdate: not seconds of the Unix epoch before 2100"),
        ({"enddate": 1}, "enddate: before startdate, or before 2000"),
        ({"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [3] * 12},
         "flatdemandmonths: names a period that the rates do not have"),
    ],
)  # fmt: skip
def test_a_tariff_is_rejected_whole_when_it_cannot_be_priced(
    change: dict[str, object], reason: str, ingest
) -> None:
    outcome = ingest({**TARIFF, **change}, {**TARIFF, "label": "good"}, 5)
    assert outcome.manifest.rejects == {reason: 1, "not an object": 1}
    assert set(outcome.frames["tariff_rates"]["tariff_id"]) == {"good"}


def test_one_period_needs_no_schedule(ingest) -> None:
    outcome = ingest(text='{"label": "t", "energyratestructure": [[{"rate": 0.1}]]}')
    hours = outcome.frames["tariff_schedule"]
    assert (hours.height, set(hours["period"])) == (576, {0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"error": {"code": "API_KEY_INVALID"}}', "neither items nor a label"),
        ('{"items": []}', "has no tariffs"),
        ('{"items": [', "not JSON"),
        ('{"items": [NaN]}', "not JSON"),
        ("[" * 100_000, "nested too deep|not JSON"),
    ],
)
def test_one_clear_error_when_the_answer_has_no_tariffs(text: str, message: str, ingest) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest(text=text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ann_arbor", [("energy", 0, "0.1056", "0.029681"), ("fixed", 0, "1.95", None)]),
        (
            "virginia",
            [
                ("energy", 0, "0.01679", "0.03255"),
                ("energy", 1, "0.04944", "0.03255"),
                ("energy", 2, "0.14284", "0.03255"),
                ("fixed", 0, "2.9", None),
            ],
        ),
    ],
)
def test_published_tariffs_have_their_rates_to_the_digit(
    name: str, expected: list[tuple], shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "tariffs" / f"openei_urdb_{name}.json"
    assert CONNECTOR.recognise(preview_of(path)) == "JSON key energyweekendschedule"
    frame = ingest_file(path, CONNECTOR).frames["tariff_rates"]
    exact = [
        (component, period, Decimal(rate), Decimal(more) if more else None)
        for component, period, rate, more in expected
    ]
    assert frame.select("component", "period", "rate", "adjustment").rows() == exact


def test_other_json_is_not_claimed() -> None:
    for text in ('{"items": [{"label": "x"}]}', "[]", "energyratestructure", ""):
        assert CONNECTOR.recognise(Preview(Path("x.json"), text.encode())) is None
