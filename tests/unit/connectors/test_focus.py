"""FOCUS CSV files: exact money, times, nulls, damage, and the real slice to the last digit."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.charges.focus import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

ROW = {
    "BillingAccountId": "acct-1",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "BillingPeriodEnd": "2024-10-01T00:00:00Z",
    "ChargePeriodStart": "2024-09-18T22:00:00Z",
    "ChargePeriodEnd": "2024-09-18T23:00:00Z",
    "ChargeCategory": "Usage",
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
}


def table(*rows: dict[str, str], **dialect: str) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: str | bytes, name: str = "focus.csv"):
        path = tmp_path / "bills" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        outcome = ingest_file(path, CONNECTOR)
        return outcome.frames["charges"], outcome.rejects, outcome.manifest

    return run


def test_a_row_lands_whole_when_all_columns_are_plain(ingest) -> None:
    rows, rejects, _ = ingest(table({**ROW, "ListCost": "2", "Tags": '{"team": "a"}', "Id": "7"}))
    assert rejects.is_empty()
    assert rows.select(
        "source_line", "billing_account_id", "billing_currency", "charge_period_start",
        "charge_period_end", "charge_category", "billed_cost", "effective_cost", "list_cost",
        "contracted_cost", "tags",
    ).rows() == [
        (
            2, "acct-1", "USD", datetime(2024, 9, 18, 22), datetime(2024, 9, 18, 23), "Usage",
            Decimal("1.5"), Decimal("1.25"), Decimal(2), None, '{"team": "a"}',
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.00000080000", "0.0000008"),
        ("-0.000000000001", "-0.000000000001"),
        ("12345678901234567890.123456789012", "12345678901234567890.123456789012"),
        ("1.5E-7", "0.00000015"),
        (" 5 ", "5"),
        ("0.00047999999999999996", "0.00048"),
        ("2.0000000000005", "2.000000000001"),
        ("-2.0000000000005", "-2.000000000001"),
    ],
)
def test_costs_keep_every_digit_up_to_the_twelfth_when_they_are_text(
    ingest, text: str, value: str
) -> None:
    rows, _, _ = ingest(table({**ROW, "BilledCost": text}))
    assert rows["billed_cost"].to_list() == [Decimal(value)]


@pytest.mark.parametrize("text", ["1,000.00", "$5", "NaN", "1e30", "0x1f", "--1"])
def test_a_row_is_rejected_when_a_cost_is_no_decimal(ingest, text: str) -> None:
    rows, rejects, _ = ingest(table(ROW, {**ROW, "EffectiveCost": text}))
    assert rows.height == 1
    assert rejects.select("source_line", "reason").rows() == [
        (3, "EffectiveCost: not a decimal number")
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-09-18 22:30:00", datetime(2024, 9, 18, 22, 30)),
        ("2024-09-18T22:30:00Z", datetime(2024, 9, 18, 22, 30)),
        ("2024-09-18T22:30Z", datetime(2024, 9, 18, 22, 30)),
        ("2024-09-18T22:30", datetime(2024, 9, 18, 22, 30)),
        ("2024-09-19 00:30:00+02:00", datetime(2024, 9, 18, 22, 30)),
        ("2024-09-18T22:30:00.1234567Z", datetime(2024, 9, 18, 22, 30, 0, 123_456)),
        ("2024-09-18", datetime(2024, 9, 18)),
    ],
)
def test_times_are_utc_when_written_in_many_ways(ingest, text: str, moment: datetime) -> None:
    rows, _, _ = ingest(table({**ROW, "ChargePeriodStart": text}))
    assert rows["charge_period_start"].to_list() == [moment]


@pytest.mark.parametrize("text", ["2024-02-30", "9/2/2024", "infinity", "epoch", "1726700000"])
def test_a_row_is_rejected_when_a_time_is_none(ingest, text: str) -> None:
    _, rejects, _ = ingest(table({**ROW, "ChargePeriodEnd": text}))
    assert rejects["reason"].to_list() == ["ChargePeriodEnd: not a time (YYYY-MM-DD hh:mm:ss, UTC)"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"BilledCost": "NULL"}, "billed_cost: missing"),
        ({"BillingCurrency": "DOLLARS"}, "billing_currency: not a code of ISO 4217"),
        ({"BillingCurrency": "XXX"}, "billing_currency: not a code of ISO 4217"),
        ({"BillingCurrency": ""}, "billing_currency: missing"),
        (
            {"ChargeCategory": "Fee"},
            "charge_category: not one of Usage, Purchase, Tax, Credit, Adjustment",
        ),
        ({"ChargePeriodEnd": "2024-09-18T22:00:00Z"}, "charge_period_end: not after its start"),
        (
            {"ChargePeriodStart": "1970-01-01T00:00:00Z"},
            "charge_period_start: outside 2000 to 2100; check the unit of the epoch",
        ),
    ],
)
def test_a_row_is_rejected_when_it_breaks_the_contract(
    ingest, fields: dict[str, str], reason: str
) -> None:
    rows, rejects, manifest = ingest(table({**ROW, **fields}, ROW))
    assert rows["source_line"].to_list() == [3]
    assert rejects.select("source_line", "reason").rows() == [(2, reason)]
    assert (manifest.records_in, manifest.records_out) == (2, 1)


def test_null_words_and_empty_texts_are_null_when_they_stand_side_by_side(ingest) -> None:
    text = table({**ROW, "ChargeClass": "NULL", "SkuId": "", "RegionId": "null", "InvoiceId": "x"})
    rows, _, _ = ingest(text)
    assert rows.select("charge_class", "sku_id", "region_id", "invoice_id").rows() == [
        (None, None, None, "x")
    ]


def test_enumerations_get_the_spelling_of_focus_when_a_provider_has_its_own(ingest) -> None:
    rows, _, _ = ingest(table({**ROW, "ChargeFrequency": "Usage-based", "ChargeCategory": "usage"}))
    assert rows.select("charge_frequency", "charge_category").rows() == [("Usage-Based", "Usage")]


def test_credits_and_corrections_stay_negative_when_they_reduce_the_bill(ingest) -> None:
    credit = {"ChargeCategory": "Credit", "ChargeClass": "Correction", "BilledCost": "-10.00"}
    rows, _, _ = ingest(table({**ROW, **credit}))
    assert rows.select("charge_class", "billed_cost").rows() == [("Correction", Decimal(-10))]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('{"org": "a", " org": "b"}', '{"org": "a", " org": "b"}'),
        ('"team": "a","env": "b"', '{"team": "a","env": "b"}'),
        ("team=a", '{"x_raw":"team=a"}'),
        # Of a key that comes twice the first holds.
        ('[{"key":"t","value":"a"},{"key":"t","value":"c"}]', '{"t":"a"}'),
        ("[]", None),
        ('["a"]', '{"x_raw":"[\\"a\\"]"}'),
        ("", None),
    ],
)
def test_tags_are_one_json_object_when_they_come_in_other_forms(
    ingest, text: str, tags: str | None
) -> None:
    rows, _, _ = ingest(table({**ROW, "Tags": text}))
    assert rows["tags"].to_list() == [tags]


def test_the_service_provider_is_the_provider_when_there_is_no_provider_name(ingest) -> None:
    rows, _, _ = ingest(table({**ROW, "ServiceProviderName": "Lessor", "HostProviderName": "Colo"}))
    assert rows["provider_name"].to_list() == ["Lessor"]
    both = {**ROW, "ProviderName": "", "ServiceProviderName": "Lessor"}
    rows, _, _ = ingest(table(both, {**both, "ProviderName": "AWS"}), "both.csv")
    assert rows.filter(source_file="charges/focus/bills/both.csv")["provider_name"].to_list() == [
        "Lessor",
        "AWS",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\ufeff" + table(ROW).replace("\n", "\r\n"), "bom and crlf.csv"),
        (table(ROW, delimiter=";"), "semicolons.csv"),
        (table(ROW, quoting=csv.QUOTE_ALL), "glob[1]*'s.csv"),
        (table(ROW).rstrip("\n"), "no final newline.csv"),
        (gzip.compress(table(ROW).encode()), "focus.csv.gz"),
        (gzip.compress(table(ROW).encode()), "gzip without a suffix"),
    ],
)
def test_a_row_lands_when_the_csv_is_written_differently(
    ingest, text: str | bytes, name: str
) -> None:
    rows, rejects, _ = ingest(text, name)
    assert rows.select("billing_account_id", "billed_cost").rows() == [("acct-1", Decimal("1.5"))]
    assert rejects.is_empty()


def test_a_row_lands_when_the_csv_is_zstd(ingest, tmp_path: Path) -> None:
    path = tmp_path / "z.csv.zst"
    values = ", ".join(f"'{value}' as {name}" for name, value in ROW.items())
    duckdb.connect().execute(f"copy (select {values}) to '{path}' (format csv, compression zstd)")
    rows, _, _ = ingest(path.read_bytes(), "z.csv.zst")
    assert rows["billed_cost"].to_list() == [Decimal("1.5")]


def test_quoted_newlines_survive_and_lines_stay_exact_when_records_are_damaged(ingest) -> None:
    texts = [f'{number}\r\nof "two"\nlines, really' for number in range(4)]
    head, first = table({**ROW, "ChargeDescription": texts[0]}).split("\n", 1)
    second, third, fourth = (
        table({**ROW, "ChargeDescription": text}).split("\n", 1)[1] for text in texts[1:]
    )
    wide = ",".join("x" * 40)
    text = f"{head}\n{first}too,few\n{second}{third}{wide}\n{fourth}"
    rows, rejects, manifest = ingest(text)
    assert rows["charge_description"].to_list() == texts
    assert rows["source_line"].to_list() == [2, 4, 5, 7]
    assert rejects.select("source_line", "reason").rows() == [
        (3, "CSV record: missing columns"),
        (6, "CSV record: too many columns"),
    ]
    assert manifest.records_in == 6


def test_a_record_is_rejected_alone_when_its_bytes_are_not_utf8(ingest) -> None:
    text = table({**ROW, "RegionName": "Zuerich"}, {**ROW, "RegionName": "Genf"})
    rows, rejects, _ = ingest(text.encode().replace(b"Zuerich", b"Z\xfcrich"))
    assert rows["region_name"].to_list() == ["Genf"]
    assert rejects.select("source_line", "reason").rows() == [(2, "CSV record: invalid encoding")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (bytes(range(256)) * 20, "not a FOCUS cost and usage file: it is binary"),
        (b"PAR1" + bytes(100), "the Parquet file is damaged or ends early"),
        (b"a,b\n1,2\n", "not a FOCUS cost and usage file: it lacks BillingAccountId, BillingCurrency"),
        (table(ROW).split("\n", 1)[1].encode(), "not a FOCUS cost and usage file"),
        (
            table({k: v for k, v in ROW.items() if k not in ("BilledCost", "EffectiveCost")}).encode(),
            "the FOCUS columns BilledCost, EffectiveCost are missing",
        ),
        (table(ROW).replace("BillingCurrency", "BilledCost").encode(), "columns BillingCurrency are missing"),
        (gzip.compress(table(*[ROW] * 500).encode())[:-40], "damaged or ends early"),
        (table(ROW, ROW, ROW).replace("acct-1", '"acct-1', 1).encode(), "a quote that opens here never closes"),
        (table(ROW, ROW).encode() + table(ROW).split("\n", 1)[1].replace("\n", "\r\n").encode(), "the line ends are mixed"),
    ],
    ids=["empty", "binary", "parquet", "csv", "no header", "columns", "one column", "truncated gzip", "open quote", "mixed line ends"],
)  # fmt: skip
def test_one_clear_error_names_the_file_when_it_cannot_be_read(
    ingest, content: bytes, message: str
) -> None:
    with pytest.raises(LandingFileError, match=message) as caught:
        ingest(content)
    assert "focus.csv" in str(caught.value)


def test_the_error_names_a_column_when_it_comes_twice(ingest) -> None:
    text = table(ROW).replace("\n", ",BilledCost\n", 1).rstrip("\n") + ",9\n"
    with pytest.raises(LandingFileError, match="the columns BilledCost come twice"):
        ingest(text)


def test_a_csv_is_recognised_by_its_columns_when_the_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_text(table(ROW))
    assert (
        CONNECTOR.recognise(preview_of(path))
        == "FOCUS columns such as ChargeCategory and BilledCost"
    )
    path.write_text("lineItem/UsageAmount,BilledCost\n1,2\n")
    assert CONNECTOR.recognise(preview_of(path)) is None


class KeepingSink:
    """Keeps the rows of a query; lake and files are left out."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.frame = pl.DataFrame()

    def copy(self, table: str, connection: duckdb.DuckDBPyConnection, query: str) -> int:
        self.frame = connection.sql(query).pl()
        return self.frame.height

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        raise AssertionError(reason)

    def expect(self, records: int) -> None:
        pass


costs = st.decimals(
    min_value=Decimal(-(10**20)), max_value=Decimal(10**20), places=12, allow_nan=False
)


@given(st.lists(st.tuples(costs, st.booleans()), min_size=1, max_size=30))
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_costs_survive_unchanged_when_they_go_through_csv(
    tmp_path: Path, drawn: list[tuple[Decimal, bool]]
) -> None:
    path = tmp_path / "costs.csv"
    texts = [f"{cost:e}" if scientific else f"{cost:f}" for cost, scientific in drawn]
    path.write_text(table(*({**ROW, "BilledCost": text} for text in texts)))
    sink = KeepingSink(tmp_path / "scratch")
    CONNECTOR.read(LandingFile(path, "costs.csv", "0"), sink)
    assert sink.frame["billed_cost"].to_list() == [cost for cost, _ in drawn]


COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


def test_the_real_slice_sums_exactly_by_category_when_compared_with_the_csv_module(
    shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "cloud_bills" / "focus_1.0_slice_ship.csv"
    outcome = ingest_file(path, CONNECTOR)
    frame = outcome.frames["charges"]
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with path.open(newline="", encoding="utf-8") as stream:
        records = list(csv.DictReader(stream))
    for record in records:
        for name in COSTS:
            if record[name] != "NULL":
                expected[record["ChargeCategory"], name] += Decimal(record[name])
    snake = {
        "BilledCost": "billed_cost",
        "EffectiveCost": "effective_cost",
        "ListCost": "list_cost",
    }
    landed = {
        (category, name): part[snake.get(name, "contracted_cost")].sum()
        for (category,), part in frame.group_by("charge_category")
        for name in COSTS
    }
    assert landed == expected
    assert frame.height == len(records) == 300
    assert outcome.rejects.is_empty()
    assert frame["source_line"].to_list() == list(range(2, 302))


def test_provider_is_the_service_provider_when_the_file_is_of_1_4(ingest) -> None:
    rows, _, _ = ingest(
        table(
            {**ROW, "ServiceProviderName": "Lessor", "HostProviderName": "Colo"},
            {**ROW, "AllocatedTags": "{}", "AllocatedMethodDetails": '{"Elements":[]}'},
        )
    )
    assert rows["provider_name"].to_list() == ["Lessor", None]


def test_names_of_before_1_0_are_read_when_a_provider_keeps_them(ingest) -> None:
    before = {"Provider": "Oracle", "Publisher": "Oracle Corp", "InvoiceIssuer": "Oracle US"}
    usage = {"Region": "us-phoenix-1", "UsageQuantity": "0.126", "UsageUnit": "OCPU Hours"}
    rows, _, _ = ingest(table({**ROW, **before, **usage}))
    names = rows.select("provider_name", "publisher_name", "invoice_issuer_name", "region_id")
    assert names.rows() == [("Oracle", "Oracle Corp", "Oracle US", "us-phoenix-1")]
    used = rows.select("consumed_quantity", "consumed_unit").rows()
    assert used == [(Decimal("0.126"), "OCPU Hours")]


def test_emails_and_keys_become_a_mark_when_people_wrote_them(ingest) -> None:
    secret = {
        "Tags": '{"Owner": "ada@example.org", "team": "chat"}',
        "ResourceName": "bucket of ada@example.org",
        "ChargeDescription": "key sk-abcdefghijklmnop1234",
    }
    rows, _, _ = ingest(table({**ROW, **secret}))
    assert rows.select("tags", "resource_name", "charge_description").rows() == [
        ('{"Owner": "‹redacted›", "team": "chat"}', "bucket of ‹redacted›", "key ‹redacted›")
    ]
