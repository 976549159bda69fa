"""Totals of a day by mapping: one row an hour, nothing lost, and nothing that only one request has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.mapped import mapped, spreading
from tokenworks_sources.connectors.mapped.resolve import MappingError

REQUESTS = next(connector for connector in mapped.CONNECTORS if connector.table == "requests")
MAPPING = """
table: requests
format: csv
spread: hour
columns:
  emitter: {constant: totals}
  request_id: {template: "{stem}-{line}"}
  started_at: {from: begin, time: iso}
  END
  clock: {constant: utc}
  status: {constant: success}
  input_total_tokens: in
  input_cache_read_tokens: cached
  output_total_tokens: out
"""
DAY = "e2e_seconds: {constant: 86400}"
HOURS = "e2e_seconds: {from: hours, unit: h}"
IN, CACHED, OUT = "input_total_tokens", "input_cache_read_tokens", "output_total_tokens"

Land = Callable[..., Any]


@pytest.fixture
def land(tmp_path: Path, ingest_file: Any) -> Land:
    """Ingests a CSV of totals; `end` says how the mapping knows where they end."""

    def run(text: str, end: str = DAY, said: str = MAPPING) -> Any:
        path, beside = tmp_path / "in" / "days.csv", tmp_path / "in" / "mapping.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        beside.write_text(said.replace("END", end))
        return ingest_file(path, REQUESTS, (beside,))

    return run


def test_total_of_a_day_becomes_one_row_an_hour_when_it_is_spread(land: Land) -> None:
    """608 B in, 342 B cached and 168 B out are 25⅓, 14¼ and 7 B an hour, and add up again."""
    outcome = land("begin,in,cached,out\n2025-02-27,608000000000,342000000000,168000000000\n")
    rows = outcome.frames["requests"].sort("started_at")
    assert rows.height == 24
    sixth = rows.row(5, named=True)
    assert (sixth["request_id"], sixth["source_line"]) == ("days-2/2025-02-27T05", 2)
    assert sixth["started_at"] == datetime(2025, 2, 27, 5)
    assert sixth["ended_at"] == datetime(2025, 2, 27, 6)
    assert sixth["e2e_seconds"] is None
    assert (sixth[CACHED], sixth[OUT]) == (14_250_000_000, 7_000_000_000)
    assert set(rows[IN]) == {25_333_333_333, 25_333_333_334}
    assert (rows[IN].sum(), rows[CACHED].sum(), rows[OUT].sum()) == (
        608_000_000_000, 342_000_000_000, 168_000_000_000,
    )  # fmt: skip
    assert (outcome.manifest.records_in, outcome.manifest.rejects) == (1, {})


def test_tokens_follow_time_when_a_total_begins_within_an_hour(land: Land) -> None:
    """From 12:30 on for three hours: half an hour, two whole ones and another half of 600."""
    outcome = land("begin,hours,in,cached,out\n2025-02-27T12:30:00Z,3,600,300,60\n", HOURS)
    rows = outcome.frames["requests"].sort("started_at")
    assert rows["started_at"].dt.strftime("%H:%M").to_list() == ["12:30", "13:00", "14:00", "15:00"]
    assert rows["ended_at"].dt.strftime("%H:%M").to_list() == ["13:00", "14:00", "15:00", "15:30"]
    assert rows[IN].to_list() == [100, 200, 200, 100]
    assert rows[CACHED].to_list() == [50, 100, 100, 50]
    assert rows[OUT].to_list() == [10, 20, 20, 10]


def test_no_hour_has_more_cached_than_all_when_there_are_few_tokens(land: Land) -> None:
    outcome = land("begin,hours,in,cached,out\n2025-02-27,7,5,4,1\n", HOURS)
    rows = outcome.frames["requests"]
    assert (rows[IN] >= rows[CACHED]).all()
    assert (rows[IN].sum(), rows[CACHED].sum(), rows[OUT].sum()) == (5, 4, 1)


def test_unknown_stays_unknown_when_a_total_is_spread(land: Land) -> None:
    outcome = land("begin,hours,in,cached,out\n2025-02-27,2,10,,4\n", HOURS)
    rows = outcome.frames["requests"]
    assert rows[CACHED].to_list() == [None, None]
    assert rows[IN].to_list() == [5, 5]


def test_total_is_rejected_once_when_its_end_cannot_be(land: Land) -> None:
    outcome = land(
        "begin,hours,in,cached,out\n2025-02-27,0,1,0,1\n2025-02-27,,1,0,1\n"
        "2025-02-27,8785,1,0,1\nnever,1,1,0,1\n,1,1,0,1\n2025-02-27,1,1,0,1\n",
        HOURS,
    )
    assert outcome.frames["requests"].height == 1
    assert outcome.rejects.select("source_line", "reason").sort("source_line").rows() == [
        (2, "spread: the total ends nowhere after its start"),
        (3, "spread: the total ends nowhere after its start"),
        (4, "spread: the total is longer than 366 days"),
        (5, "begin: not a time (iso)"),
        (6, "started_at: missing"),
    ]
    assert (outcome.manifest.records_in, sum(outcome.manifest.rejects.values())) == (6, 5)


def test_no_hour_of_a_total_is_written_when_its_tokens_cannot_be(land: Land) -> None:
    """Of -3, or of 10 cached among 5, most hours would be 0 and look right."""
    outcome = land(
        "begin,hours,in,cached,out\n2025-02-27,24,-3,,1\n2025-02-27,24,5,10,1\n"
        "1999-12-31,48,5,1,1\n2025-02-27,1,5,1,1\n",
        HOURS,
    )
    assert outcome.frames["requests"].height == 1
    assert outcome.rejects.select("source_line", "reason").sort("source_line").rows() == [
        (2, "input_total_tokens: below 0"),
        (3, "input_total_tokens: less than cache read + cache write"),
        (4, "started_at: outside 2000 to 2100; check the unit of the epoch"),
    ]
    assert (outcome.manifest.records_in, sum(outcome.manifest.rejects.values())) == (4, 3)


def test_no_hour_of_a_total_is_written_when_parts_of_a_part_are_more_than_it(land: Land) -> None:
    said = f"{MAPPING}  input_cache_write_tokens: written\n  input_cache_write_5m_tokens: short\n"
    outcome = land(
        "begin,hours,in,cached,out,written,short\n2025-02-27,24,50,10,1,5,6\n", HOURS, said
    )
    assert outcome.manifest.rejects == {
        "input_cache_write_tokens: less than input_cache_write_5m_tokens + "
        "input_cache_write_1h_tokens": 1
    }


def test_totals_come_a_few_at_a_time_when_they_are_many(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of 3, 2, 4 and 1 in blocks of 4: none is lost, and each counts as one record."""
    monkeypatch.setattr(spreading, "BLOCK_HOURS", 4)
    lines = "".join(f"2025-02-2{day},{hours},12,0,12\n" for day, hours in enumerate((3, 2, 4, 1)))
    outcome = land(f"begin,hours,in,cached,out\n{lines.replace('2025-02-20', '2025-02-24')}", HOURS)
    rows = outcome.frames["requests"].sort("started_at")
    assert rows[IN].to_list() == [6, 6, 3, 3, 3, 3, 12, 4, 4, 4]
    assert outcome.manifest.records_out == 4


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("provider: begin", "needs columns.ended_at or columns.e2e_seconds"),
        (f"{DAY}\n  ttft_seconds: hours", "a total has no ttft_seconds; leave them out"),
    ],
)
def test_mapping_is_refused_when_it_spreads_what_is_no_total(
    end: str, said: str, land: Land
) -> None:
    with pytest.raises(MappingError, match=said):
        land("begin,hours,in,cached,out\n2025-02-27,1,1,0,1\n", end)


def test_mapping_is_refused_when_it_spreads_another_table(land: Land) -> None:
    said = MAPPING.replace("table: requests", "table: fx_rates")
    with pytest.raises(MappingError, match="fx_rates has only"):
        land("begin,in,cached,out\n2025-02-27,1,0,1\n", DAY, said)
