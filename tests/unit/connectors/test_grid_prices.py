"""Prices of the grid: ENTSO-E's left-out positions, EnergyZero's three shapes, SPP's interval ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.grid_prices import energyzero, entsoe, spp
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"


def period(start: str, end: str, resolution: str, *points: tuple[object, object]) -> str:
    given = "".join(
        f"<Point><position>{at}</position><price.amount>{price}</price.amount></Point>"
        for at, price in points
    )
    return (
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>{resolution}</resolution>{given}</Period>"
    )


def series(*periods: str, curve: str = "A03", more: str = "", **facts: str) -> str:
    given = {
        "contract_MarketAgreement.type": "A01",
        "in_Domain.mRID": "10Y1001A1001A82H",
        "currency_Unit.name": "EUR",
        "price_Measure_Unit.name": "MWH",
        **facts,
    }
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in given.items())
    return f"<TimeSeries><mRID>1</mRID>{elements}{more}<curveType>{curve}</curveType>{''.join(periods)}</TimeSeries>"


def document(*parts: str) -> str:
    return (
        f'<?xml version="1.0"?><Publication_MarketDocument xmlns="{NAMESPACE}"><type>A44</type>'
        f"{''.join(parts)}</Publication_MarketDocument>"
    )


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(text: str, connector, name: str = "prices.xml"):
        path = tmp_path / "market" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return ingest_file(path, connector)

    return run


def prices(outcome) -> list[tuple]:
    columns = ("source_line", "interval_start", "interval_seconds", "price_per_kwh")
    return outcome.frames["grid_prices"].select(columns).rows()


def test_left_out_positions_repeat_the_price_before_when_the_curve_is_a03(ingest) -> None:
    outcome = ingest(
        document(
            series(
                period("2025-10-01T22:00Z", "2025-10-01T23:15Z", "PT15M", (1, "50.10"), (3, "-5.32"), (5, 0))
            )
        ),
        entsoe.CONNECTOR,
    )  # fmt: skip
    assert prices(outcome) == [
        (1, datetime(2025, 10, 1, 22, 0), 900, Decimal("0.0501")),
        (1, datetime(2025, 10, 1, 22, 15), 900, Decimal("0.0501")),
        (2, datetime(2025, 10, 1, 22, 30), 900, Decimal("-0.00532")),
        (2, datetime(2025, 10, 1, 22, 45), 900, Decimal("-0.00532")),
        (3, datetime(2025, 10, 1, 23, 0), 900, Decimal(0)),
    ]
    constants = outcome.frames["grid_prices"].select("zone", "market", "price_basis", "currency")
    assert constants.unique().rows() == [("DE-LU", "day_ahead", "market", "EUR")]
    assert outcome.manifest.records_in == 3


def test_a_gap_stays_a_gap_when_every_position_is_written(ingest) -> None:
    hours = period("2023-03-25T23:00Z", "2023-03-26T02:00Z", "PT60M", (1, "39.66"), (3, "40.12"))
    outcome = ingest(document(series(hours, curve="A01")), entsoe.CONNECTOR)
    assert [start for _, start, _, _ in prices(outcome)] == [
        datetime(2023, 3, 25, 23),
        datetime(2023, 3, 26, 1),
    ]


def test_the_resolution_changes_within_a_document(ingest) -> None:
    outcome = ingest(
        document(
            series(period("2025-09-30T21:00Z", "2025-09-30T22:00Z", "PT60M", (1, "80"))),
            series(period("2025-09-30T22:00Z", "2025-09-30T22:30Z", "PT15M", (1, "90"), (2, "91"))),
        ),
        entsoe.CONNECTOR,
    )
    assert [(start, seconds) for _, start, seconds, _ in prices(outcome)] == [
        (datetime(2025, 9, 30, 21), 3600),
        (datetime(2025, 9, 30, 22), 900),
        (datetime(2025, 9, 30, 22, 15), 900),
    ]


@pytest.mark.parametrize(
    ("start", "end", "count"), [("29T23:00Z", "30T22:00Z", 23), ("28T23:00Z", "29T23:00Z", 24)]
)
def test_summer_time_days_have_as_many_hours_as_they_had(
    start: str, end: str, count: int, ingest
) -> None:  # fmt: skip
    one = period(f"2025-03-{start}", f"2025-03-{end}", "PT60M", (1, "7"))
    assert len(prices(ingest(document(series(one)), entsoe.CONNECTOR))) == count


def test_an_unreadable_price_is_not_filled_over(ingest) -> None:
    points = ((1, "1"), (2, "x"), (4, "4"), (4, "5"), (9, "9"))
    outcome = ingest(
        document(series(period("2025-01-01T00:00Z", "2025-01-01T05:00Z", "PT60M", *points))),
        entsoe.CONNECTOR,
    )
    assert [(line, start.hour) for line, start, _, _ in prices(outcome)] == [(1, 0), (3, 3), (3, 4)]
    assert outcome.manifest.rejects == {
        "price.amount: not a number": 1,
        "position: given twice": 1,
        "position: not within its period": 1,
    }


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"in_Domain.mRID": ""}, "in_Domain.mRID: missing"),
        ({"currency_Unit.name": "euro"}, "currency_Unit.name: not an ISO 4217 code"),
        ({"price_Measure_Unit.name": "KWT"}, "price_Measure_Unit.name: not MWH"),
    ],
)
def test_a_series_is_rejected_when_its_facts_are_unusable(
    facts: dict[str, str], reason: str, ingest
) -> None:
    one = period("2025-01-01T00:00Z", "2025-01-01T02:00Z", "PT60M", (1, 1), (2, 2))
    outcome = ingest(document(series(one, **facts)), entsoe.CONNECTOR)
    assert outcome.manifest.rejects == {reason: 2}


def test_a_second_auction_is_skipped(ingest) -> None:
    one = period("2025-01-01T00:00Z", "2025-01-01T02:00Z", "PT60M", (1, 1))
    name = "classificationSequence_AttributeInstanceComponent.position"
    outcome = ingest(
        document(series(one), series(one, more=f"<{name}>2</{name}>")), entsoe.CONNECTOR
    )
    assert len(prices(outcome)) == 2
    assert outcome.manifest.skipped == {"another auction of the same day (sequence 2 or later)": 1}


def test_an_unknown_zone_keeps_its_code_and_intraday_is_its_own_market(ingest) -> None:
    one = period("2025-01-01T00:00Z", "2025-01-01T01:00Z", "PT60M", (1, 1))
    facts = {"in_Domain.mRID": "10YXX-OTHER----0", "contract_MarketAgreement.type": "A07"}
    outcome = ingest(document(series(one, **facts)), entsoe.CONNECTOR)
    assert outcome.frames["grid_prices"].select("zone", "market").rows() == [
        ("10YXX-OTHER----0", "intraday")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<Acknowledgement_MarketDocument><Reason><code>999</code></Reason></Acknowledgement_MarketDocument>",
            "no prices for the request",
        ),
        (document(), "has no points"),
        (document()[:-5], "cannot be read"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + document().partition("?>")[2], "entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + document().partition("?>")[2], "entities"),
        ("<a>" * 300, "root is not"),
        (document("<a>" * 300), "nested deeper"),
    ],
)  # fmt: skip
def test_one_clear_error_when_the_document_has_no_prices(text: str, message: str, ingest) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest(text, entsoe.CONNECTOR)


GRAPHQL = """{"data": {"energyMarketPrices": {"prices": [
 {"energyPriceExcl": 0.107, "energyPriceIncl": 0.12947, "from": "2025-05-30T22:00:00Z",
  "till": "2025-05-30T23:00:00Z", "type": "Electricity", "additionalCosts": [
   {"name": "Energy tax", "priceExcl": 0.10154, "priceIncl": 0.1228634},
   {"name": "Purchasing cost", "priceExcl": 0.028, "priceIncl": 0.03388}]},
 {"energyPriceExcl": 1.2, "from": "2025-05-30T22:00:00Z", "till": "2025-05-30T23:00:00Z", "type": "Gas"}
]}}}"""


def test_graphql_prices_keep_their_digits_and_their_costs(ingest) -> None:
    outcome = ingest(GRAPHQL, energyzero.CONNECTOR, "day.json")
    rows = outcome.frames["grid_prices"].sort("price_basis")
    assert rows.select("zone", "currency", "price_basis", "price_per_kwh").rows() == [
        ("NL", "EUR", "all_in", Decimal("0.23654")),
        ("NL", "EUR", "all_in_with_vat", Decimal("0.2862134")),
        ("NL", "EUR", "market", Decimal("0.107")),
        ("NL", "EUR", "with_vat", Decimal("0.12947")),
    ]
    assert outcome.manifest.skipped == {"gas, not electricity": 1}


def test_rest_prices_are_read_from_their_text(ingest) -> None:
    quote = (
        '{"start": "2025-12-15T23:00:00Z", "end": "2025-12-16T00:00:00Z", "price": {"value": "%s"}}'
    )
    outcome = ingest(
        f'{{"interval": 2, "range": {{}}, "base": [{quote % "0.077495"}, {quote % "dear"}]}}',
        energyzero.CONNECTOR,
        "hour.json",
    )
    assert prices(outcome) == [(1, datetime(2025, 12, 15, 23), 3600, Decimal("0.077495"))]
    assert outcome.manifest.rejects == {"price: not a number": 1}


@pytest.mark.parametrize(
    ("name", "rows"), [("graphql_energy", 24 * 4), ("rest_electricity_hour_response", 72 * 4)]
)
def test_published_days_are_whole(
    name: str, rows: int, shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "prices" / f"energyzero_{name}.json"
    frame = ingest_file(path, energyzero.CONNECTOR).frames["grid_prices"]
    assert (frame.height, frame["interval_seconds"].unique().to_list()) == (rows, [3600])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("graphql_energy_no_prices", "holds no prices"),
        ("graphql_no_data", "holds no prices"),
        ("rest_error_response", "answered with an error"),
    ],
)
def test_an_empty_or_failed_answer_is_claimed_and_refused(
    name: str, message: str, shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "prices" / f"energyzero_{name}.json"
    assert energyzero.CONNECTOR.recognise(preview_of(path))
    with pytest.raises(LandingFileError, match=message):
        ingest_file(path, energyzero.CONNECTOR)


def test_rest_answers_are_refused_when_their_name_says_gas(ingest) -> None:
    with pytest.raises(LandingFileError, match="name says gas"):
        ingest('{"interval": 2, "range": {}, "base": [{}]}', energyzero.CONNECTOR, "gas_day.json")


def first_api(*prices: float, begin: str = "2022-12-07", kind: int = 4) -> str:
    hours = [
        {"price": price, "readingDate": f"{begin}T{hour:02d}:00:00Z"}
        for hour, price in enumerate(prices)
    ]
    return json.dumps({"Prices": hours, "intervalType": kind, "average": 0.3, "fromDate": begin})


@pytest.mark.parametrize("basis", ["market", "with_vat"])
def test_prices_of_the_first_api_are_of_the_basis_that_is_said(
    basis: str, tmp_path: Path, ingest_file: Callable
) -> None:
    path, sidecar = tmp_path / "day.json", tmp_path / "about.yaml"
    path.write_text(first_api(0.31, -0.05))
    sidecar.write_text(f"price_basis: {basis}\n")
    assert recognise(preview_of(path)).connector is energyzero.CONNECTOR
    outcome = ingest_file(path, energyzero.CONNECTOR, (sidecar,))
    assert prices(outcome) == [
        (1, datetime(2022, 12, 7, 0), 3600, Decimal("0.31")),
        (2, datetime(2022, 12, 7, 1), 3600, Decimal("-0.05")),
    ]
    assert outcome.frames["grid_prices"]["price_basis"].unique().to_list() == [basis]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (first_api(0.31, 0.35), "whether its prices hold value-added tax.*price_basis: market"),
        (first_api(0.31, kind=5), "not those of hours"),
        (first_api(*[1.43] * 5, *[1.45] * 19), "so it is gas"),
        (first_api(), "holds no prices"),
    ],
)
def test_an_answer_of_the_first_api_is_refused_when_it_could_mislead(
    text: str, message: str, ingest
) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest(text, energyzero.CONNECTOR, "day.json")


SPP = "Interval,GMTIntervalEnd,Settlement Location,Pnode,LMP,MLC,MCC,MEC\n"


def test_an_end_in_gmt_becomes_a_start_when_intervals_are_five_minutes(ingest) -> None:
    outcome = ingest(
        SPP
        + "04/01/2023 07:05:00,04/01/2023 13:05:00,PSCO_NODE1,P1,25.50,1.00,0.50,24.00\n"
        + "04/01/2023 07:10:00,04/01/2023 13:10:00,PSCO_NODE1,P1,-15.2603,0,0,0\n"
        + "04/01/2023 07:10:00,04/01/2023 13:10:00,PSCO_NODE2,P2,dear,0,0,0\n"
        + "04/01/2023 07:10:00,yesterday,PSCO_NODE2,P2,1,0,0,0\n",
        spp.CONNECTOR,
        "RTBM.csv",
    )
    assert prices(outcome) == [
        (2, datetime(2023, 4, 1, 13, 0), 300, Decimal("0.0255")),
        (3, datetime(2023, 4, 1, 13, 5), 300, Decimal("-0.0152603")),
    ]
    assert outcome.manifest.rejects == {
        "LMP: not a number": 1,
        "GMTIntervalEnd: not MM/DD/YYYY hh:mm:ss": 1,
    }


@pytest.mark.parametrize(
    ("name", "seconds", "market"),
    [("DA-LMP-SL-202409150100.csv", 3600, "day_ahead"), ("RTBM-LMP-SL-1.csv", 300, "real_time")],
)
def test_one_interval_is_as_long_as_its_name_says(
    name: str, seconds: int, market: str, ingest
) -> None:
    line = "09/15/2024 01:00:00,09/15/2024 06:00:00,SPPNORTH_HUB,H,21.5,0,0,0\n"
    frame = ingest(SPP + line, spp.CONNECTOR, name).frames["grid_prices"]
    assert frame.select("zone", "interval_seconds", "market").rows() == [
        ("SPPNORTH_HUB", seconds, market)
    ]


def test_one_interval_is_refused_when_nothing_says_its_length(ingest) -> None:
    line = "09/15/2024 01:00:00,09/15/2024 06:00:00,SPPNORTH_HUB,H,21.5,0,0,0\n"
    with pytest.raises(LandingFileError, match="5 minutes or an hour"):
        ingest(SPP + line, spp.CONNECTOR, "prices.csv")


def test_interval_is_a_reject_when_its_year_is_before_all_years(ingest) -> None:
    good = "09/15/2024 01:00:00,09/15/2024 06:00:00,SPPNORTH_HUB,H,21.5,0,0,0\n"
    found = ingest(SPP + good + good.replace("/2024 06", "/-1 06"), spp.CONNECTOR, "DA-x.csv")
    assert found.frames["grid_prices"].height == 1
    assert found.rejects["reason"].to_list() == ["GMTIntervalEnd: not MM/DD/YYYY hh:mm:ss"]


def test_areas_keep_apart_when_a_location_is_in_two(ingest) -> None:
    text = "INTERVAL,GMTINTERVALEND,BAA,SETTLEMENT_LOCATION,PNODE,LMP\n" + "".join(
        f"x,10/04/2026 0{hour}:00:00,{area},HUB,p,{hour}\n"
        for hour in (1, 2)
        for area in ("SPP", "SWPW")
    )
    frame = ingest(text, spp.CONNECTOR, "da.csv").frames["grid_prices"]
    assert set(frame["zone"]) == {"HUB", "SWPW/HUB"}
    assert frame.filter(pl.col("zone") == "HUB")["price_per_kwh"].to_list() == [
        Decimal("0.001"),
        Decimal("0.002"),
    ]


def test_a_mock_of_no_bytes_is_refused_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "RTBM-LMP-SL.csv"
    path.touch()
    with pytest.raises(LandingFileError, match="the file is empty"):
        preview_of(path)


@pytest.mark.parametrize(
    "text",
    ["<feed/>", "{}", "[]", "", '{"data": []', "Interval,LMP\n", "<Publication_MarketDocument>"],
)
def test_other_files_are_not_claimed(text: str) -> None:
    preview = Preview(Path("x"), text.encode())
    assert [
        connector.name
        for connector in (entsoe.CONNECTOR, energyzero.CONNECTOR, spp.CONNECTOR)
        if connector.recognise(preview)
    ] == []
