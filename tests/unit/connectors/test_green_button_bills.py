"""Usage summaries as bills, and runs of readings that skip expat's handlers."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.energy_readings import espi_runs
from tokenworks_sources.connectors.energy_readings.espi_reader import read_feed
from tokenworks_sources.connectors.energy_readings.green_button import CONNECTOR

FEED = '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:uuid:0</id>{}</feed>'
POINT = "RetailCustomer/9/UsagePoint/01"
TYPE = (
    '<entry><link rel="self" href="ReadingType/1"/><content><ReadingType xmlns="http://naesb.org/espi">'
    "<accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity><currency>840</currency>"
    "<flowDirection>1</flowDirection><intervalLength>900</intervalLength><uom>72</uom>"
    "</ReadingType></content></entry>"
)
# 2011-04-01 04:00 UTC and 30 days.
PERIOD = "<billingPeriod><duration>2592000</duration><start>1301630400</start></billingPeriod>"


def charge(amount: object, kind: int, note: str = "", more: str = "") -> str:
    return (
        f"<costAdditionalDetailLastPeriod><amount>{amount}</amount><note>{note}</note>{more}"
        f"<itemKind>{kind}</itemKind></costAdditionalDetailLastPeriod>"
    )


def summary(
    inner: str,
    name: str = "UsageSummary",
    updated: str = "2011-05-02T00:00:00Z",
    period: str = PERIOD,
) -> str:
    return (
        f'<entry><link rel="up" href="{POINT}/{name}"/><content><{name} xmlns="http://naesb.org/espi">'
        f"{period}<currency>840</currency>{inner}</{name}></content><updated>{updated}</updated></entry>"
    )


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(*entries: str, name: str = "feed.xml"):
        path = tmp_path / "shipped" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FEED.format("".join(entries)))
        return ingest_file(path, CONNECTOR)

    return run


def lines(outcome) -> list[tuple]:
    return outcome.frames["energy_bills"].select("line_id", "kind", "amount").rows()


def test_a_bill_without_charges_splits_off_what_is_additional(ingest) -> None:
    consumption = (
        "<overallConsumptionLastPeriod><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom>"
        "<value>3990217</value></overallConsumptionLastPeriod>"
    )
    outcome = ingest(
        summary(
            "<billLastPeriod>44169000</billLastPeriod><billToDate>479114000</billToDate>"
            f"<costAdditionalLastPeriod>1346000</costAdditionalLastPeriod>{consumption}",
            "ElectricPowerUsageSummary",
        )
    )
    rows = outcome.frames["energy_bills"].select(
        "bill_id", "line_id", "meter_id", "period_start", "period_end", "kind", "quantity", "unit",
        "amount", "currency", "issued_at",
    )  # fmt: skip
    shared = (POINT, datetime(2011, 4, 1, 4), datetime(2011, 5, 1, 4))
    issued = datetime(2011, 5, 2)
    bill = f"{POINT}/2011-04-01/2592000"
    assert rows.rows() == [
        (bill, "additional", *shared, "rider", None, None, Decimal("13.46"), "USD", issued),
        (bill, "energy", *shared, "energy", 3990.217, "kWh", Decimal("428.23"), "USD", issued),
    ]
    assert outcome.manifest.records_in == 1


def test_charges_and_the_rest_sum_to_the_bill(ingest) -> None:
    outcome = ingest(
        summary(
            "<billLastPeriod>10250000</billLastPeriod>"
            + charge(2700, 4, "Customer charge")
            + charge(61780, 2, "Delivery")
            + charge(500000, 2, "Peak demand charge")
            + charge(30000, 5, "Sales tax")
            + charge(10000, 6, "Solar credit")
            + charge(999999, 9, "Payment, thank you")
            + charge(10250000, 10, "Amount due")
        )
    )
    # 102.50 - (0.027 + 0.6178 + 5 + 0.3 - 0.1) = 96.6552
    assert lines(outcome) == [
        ("energy", "energy", Decimal("96.6552")),
        ("1", "fixed", Decimal("0.027")),
        ("2", "rider", Decimal("0.6178")),
        ("3", "demand", Decimal(5)),
        ("4", "tax", Decimal("0.3")),
        ("5", "credit", Decimal("-0.1")),
    ]
    assert outcome.frames["energy_bills"]["amount"].sum() == Decimal("102.5")
    assert outcome.manifest.records_in == 8
    assert outcome.manifest.skipped == {"charge of kind payment or information": 2}


def test_a_charge_has_its_own_scale_when_its_measurement_is_money(ingest) -> None:
    scaled = (
        "<measurement><powerOfTenMultiplier>-2</powerOfTenMultiplier><uom>80</uom></measurement>"
    )
    outcome = ingest(summary("<billLastPeriod>0</billLastPeriod>" + charge(17203, 3, "", scaled)))
    assert lines(outcome) == [("1", "energy", Decimal("172.03"))]
    assert outcome.manifest.skipped == {"no total; its lines say it all": 1}


def test_a_bill_smaller_than_its_lines_is_rejected_and_the_lines_stay(ingest) -> None:
    outcome = ingest(summary("<billLastPeriod>100000</billLastPeriod>" + charge(500000, 3)))
    assert lines(outcome) == [("1", "energy", Decimal(5))]
    assert outcome.manifest.rejects == {"billLastPeriod: less than the sum of its own lines": 1}


def test_the_later_copy_of_a_bill_holds(ingest) -> None:
    def copy(amount: int, updated: str) -> str:
        return summary(f"<billLastPeriod>{amount}</billLastPeriod>", updated=updated)

    outcome = ingest(copy(300000, "2011-06-01T00:00:00Z"), copy(200000, "2011-05-01T00:00:00Z"))
    assert lines(outcome) == [("energy", "energy", Decimal(3))]
    assert outcome.manifest.skipped == {"superseded by a later copy of the bill": 1}


def test_a_bill_in_two_feeds_has_one_key(ingest) -> None:
    bill = summary("<billLastPeriod>300000</billLastPeriod>")
    ingest(bill, name="may.xml")
    frame = ingest(bill, TYPE, name="june.xml").frames["energy_bills"]
    assert frame.height == 2
    assert frame.select("bill_id", "line_id").n_unique() == 1


@pytest.mark.parametrize(
    ("inner", "period", "reason"),
    [
        ("<billLastPeriod>5</billLastPeriod>", "", "billingPeriod: missing"),
        ("<billLastPeriod>much</billLastPeriod>", PERIOD, "billLastPeriod: not a number"),
        (
            "<billLastPeriod>5</billLastPeriod>",
            "<billingPeriod><duration>1</duration><start>5</start></billingPeriod>",
            "billingPeriod: start is not seconds of the Unix epoch from 2000 on",
        ),
    ],
)
def test_a_summary_is_rejected_when_it_is_unusable(
    inner: str, period: str, reason: str, ingest
) -> None:
    assert ingest(summary(inner, period=period)).manifest.rejects == {reason: 1}


def test_summaries_without_an_amount_or_of_gas_are_skipped(ingest) -> None:
    gas = "<billLastPeriod>5</billLastPeriod><commodity>7</commodity>"
    outcome = ingest(summary("<billLastPeriod>0</billLastPeriod>"), summary(gas))
    assert outcome.manifest.skipped == {
        "usage summary without an amount": 1,
        "commodity 7 is not electricity": 1,
    }


def test_an_e_mail_in_a_note_is_not_kept(ingest) -> None:
    outcome = ingest(summary(charge(5, 3, "ask ada@example.org")))
    assert outcome.frames["energy_bills"]["description"].to_list() == ["ask ‹redacted›"]


def test_the_published_bill_is_its_amount(shared_data: Path, ingest_file: Callable) -> None:
    name = "energyos_TestGBDataOneYearDailyBinnedMonthly.xml.gz"
    outcome = ingest_file(shared_data / "energy" / "greenbutton" / name, CONNECTOR)
    # 6752000 hundred-thousandths of a dollar.
    assert lines(outcome) == [("energy", "energy", Decimal("67.52"))]


def test_the_published_year_equals_what_another_parser_made_of_it(
    shared_data: Path, ingest_file: Callable
) -> None:
    folder = shared_data / "energy" / "greenbutton"
    name = "energyos_TestGBDataOneYearDailyBinnedMonthly.xml.gz"
    frame = ingest_file(folder / name, CONNECTOR).frames["energy_readings"]
    text = gzip.decompress(
        (folder / "expected_TestGBDataOneYearDailyBinnedMonthly.txt.gz").read_bytes()
    ).decode()
    expected = sorted(
        (line.split("+")[0].strip(), line.rpartition("($")[2].rstrip(")"), line.split(": ")[1].split(" ")[0])
        for line in text.splitlines()
        if " Wh($" in line
    )  # fmt: skip
    rows = frame.select("interval_start", "cost", "energy_kwh").rows()
    found = sorted(
        (f"{start:%Y-%m-%d %H:%M:%S}", f"{cost.normalize():f}", f"{round(kwh * 1000)}")
        for start, cost, kwh in rows
    )
    exact = [
        (start, f"{Decimal(cost).normalize():f}", watt_hours)
        for start, cost, watt_hours in expected
    ]
    assert len(exact) == 444
    assert found == exact


# -- runs ------------------------------------------------------------------------------------


def reading(value: object, start: int, prefix: str = "", more: str = "") -> str:
    text = (
        f"<IntervalReading><cost> {start} </cost>{more}<timePeriod><duration>900</duration>"
        f"<start>{start}</start></timePeriod>\n <value>{value}</value></IntervalReading>\n"
    )
    return (
        text.replace("<", f"<{prefix}:").replace(f"<{prefix}:/", f"</{prefix}:") if prefix else text
    )


def block(*readings: str) -> str:
    return (
        f'<entry><link rel="up" href="{POINT}/MeterReading/1/IntervalBlock"/><content>'
        f'<IntervalBlock xmlns="http://naesb.org/espi">{"".join(readings)}</IntervalBlock>'
        "</content></entry>"
    )


def values(
    text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> list[str | None]:
    import polars as pl

    monkeypatch.setattr(espi_runs, "CHUNK_BYTES", chunk)
    folder.mkdir(exist_ok=True)
    read_feed(folder / "feed.xml", io.BytesIO(text.encode()), folder)
    return pl.read_parquet(folder / "readings.parquet")["value"].to_list()


@pytest.mark.parametrize("chunk", [7, 100, 1 << 20])
@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([reading(1, 10), reading(" 2 ", 20), reading("", 30)], ["1", "2", None]),
        # Not plain: an attribute, a comment, an entity. All is expat's again.
        ([reading(1, 10), reading(2, 20).replace("<cost>", '<cost a="b">')], ["1", "2"]),
        ([reading(1, 10), "<!-- c -->", reading(2, 20)], ["1", "2"]),
        ([reading("&#49;", 10), reading(2, 20)], ["1", "2"]),
        # Not data: a reading in a comment is none; one in CDATA is text.
        ([reading(1, 10), "<!--" + reading(9, 20) + "-->", reading(2, 20)], ["1", "2"]),
        (["<!--" + reading(9, 20) + "-->"], []),
        (["<![CDATA[" + reading(9, 20) + "]]>"], []),
        ([reading(1, 10), "<x>" + "</x>", reading(3, 30)], ["1", "3"]),
    ],
)
def test_a_run_gives_what_expat_gives(
    readings: list[str],
    expected: list[str | None],
    chunk: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = FEED.format(block(*readings) + TYPE)
    assert values(text, tmp_path / "spool", monkeypatch, chunk) == expected


def test_a_prefix_is_that_of_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FEED.replace("<feed", '<feed xmlns:espi="http://naesb.org/espi" xmlns:other="urn:x"').format(
        '<entry><content><espi:IntervalBlock>'
        + reading(1, 10, "espi")
        + reading(9, 10, "other")
        + reading(2, 20, "espi")
        + "</espi:IntervalBlock></content></entry>"
    )  # fmt: skip
    assert values(text, tmp_path / "spool", monkeypatch, 1 << 20) == ["1", "2"]


def test_quality_and_period_of_use_are_taken_from_a_run(ingest) -> None:
    quality = "<ReadingQuality><quality>8</quality></ReadingQuality>"
    frame = ingest(block(reading(1, 1_700_000_000, more=quality)), TYPE).frames["energy_readings"]
    assert frame.select("quality", "cost", "energy_kwh").rows() == [
        ("estimated", Decimal(17_000), 0.001)
    ]


def test_a_mark_of_the_feed_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FEED.format(block("<?run 1?>", reading(1, 10), "<?run-1 1?>") + TYPE)
    assert values(text, tmp_path / "spool", monkeypatch, 1 << 20) == ["1"]
