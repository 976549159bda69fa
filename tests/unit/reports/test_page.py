"""The page as a reader and a screen reader meet it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from tokenworks.reports.page import cost_split, render_page
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks.reports.tables import ReportTables, build_tables
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class _Outline(HTMLParser):
    """Collects ids, table captions and header cells, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tables = 0
        self.captions = 0
        self.unscoped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if identity := found.get("id"):
            self.ids.append(identity)
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.unscoped += tag == "th" and "scope" not in found
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(tables: ReportTables) -> str:
    """The page of the small September."""
    return render_page(tables)


def _text(page: str) -> str:
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def test_unknown_share_is_the_first_line_when_the_page_is_read(page: str) -> None:
    body = _text(page).split("Tokenworks, September 2026", 1)[1].strip()
    assert body.startswith("3.00 EUR have no exchange rate; 1.1% of cost")


def test_sections_stand_in_order_when_the_page_is_read(page: str) -> None:
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page) == [
        "Headline",
        "Where every unit of money went",
        "Chargeback",
        "Why cost moved",
        "Unit cost",
        "Utilisation ladder",
        "Latency",
        "Energy",
        "Reconciliation",
        "Data quality",
        "Assumptions and definitions",
    ]


def test_tables_have_captions_and_scopes_when_read_aloud(page: str) -> None:
    outline = _Outline()
    outline.feed(page)
    assert outline.open == []
    assert outline.tables == outline.captions > 8
    assert outline.unscoped == 0
    assert len(outline.ids) == len(set(outline.ids))
    figures = re.findall(r"<figure[^>]*>", page)
    assert len(figures) == page.count("<svg") > 5
    assert all('role="img" aria-label="' in figure for figure in figures)


def test_figures_of_the_page_are_those_of_the_ledger_when_read(page: str) -> None:
    text = _text(page)
    assert "Cost, USD $213.50 all bills' share of the month's hours" in text
    assert "Idle, USD 46.8% $100.00 of $213.50 observed" in text
    assert "Books 1 open 2 of 3 reconciliation checks balance" in text
    assert "acme $60.00 $0.00 $64.00 $3.60 $0.00 $127.60" in text
    assert "birch €3.33 €0.00 −€2.33 €0.00 €0.00 €1.00" in text
    assert "€3.00 has no exchange rate and is in no figure given in USD." in text
    assert "216.50" not in text


def test_missing_figures_read_as_a_dash_when_nobody_measured_them(page: str) -> None:
    assert "small eu-west – – – – – 200 ms 3" in _text(page)


def test_active_output_stands_beside_fully_loaded_when_both_are_known(page: str) -> None:
    assert "small us-east $2.08 $0.4167 $7.50 $4.50 37.5% 2.10 s 23" in _text(page)


def test_the_split_of_the_cost_is_said_when_most_of_it_is_idle(
    page: str, tables: ReportTables
) -> None:
    # 100.00 served and 100.00 idle of 213.50; the euros' idle is a credit and has no share.
    said = (
        "Of the cost in USD, 46.8% served requests, 46.8% was idle capacity and "
        "6.3% was waste, overhead or unattributed."
    )
    assert f"{said} Fully loaded spreads all of it" in _text(page)
    euros, dollars = tables.ledgers
    assert (cost_split(euros), cost_split(dollars)) == ("", said)


def test_every_empty_table_says_so_when_the_month_has_cost_alone(
    home: Settings, write_mart: WriteMart
) -> None:
    for mart in (
        *("fct_requests", "rpt_unit_cost", "fct_deployment_hours"),
        *("rpt_utilization", "rpt_energy", "rpt_reconciliation"),
    ):
        write_mart(mart, [])
    page = _page_of(home)
    assert "<tbody>\n</tbody>" not in page
    assert page.count("No request was published for this month.") == 4
    assert "No GPU-hours were published for this month." in page
    assert "No telemetry is known in this period." in page
    assert (
        '<p class="first-line open">No request is known in this period, 3.00 EUR have no ' in page
    )
    assert page.count("<svg") == 5


def test_no_chart_is_drawn_when_the_month_has_requests_alone(
    home: Settings, write_mart: WriteMart
) -> None:
    for mart in (
        *("fct_cost_ledger", "fct_deployment_hours", "rpt_chargeback", "rpt_variance"),
        *("rpt_utilization", "rpt_energy", "rpt_reconciliation"),
    ):
        write_mart(mart, [])
    day = {"event_date": date(2026, 9, 1)}
    write_mart("fct_requests", [{**day, "status": "success", "output_total_tokens": 1}])
    write_mart("rpt_unit_cost", [{**day, "request_count": 1, "output_total_tokens": 1}])
    page = _page_of(home)
    assert "<svg" not in page
    assert "<tbody>\n</tbody>" not in page
    assert page.count("No cost was published for this month.") == 3
    assert "Books no checks no check was published for this month" in _text(page)


def _page_of(home: Settings) -> str:
    september = Period(2026, 9)
    return render_page(build_tables(read_month(home.published_parquet, september), september))
