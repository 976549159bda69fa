"""Alarms of the small lake, and the queries that show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Ask = Callable[[str], list[tuple[Any, ...]]]


def test_silent_engine_and_missing_log_alarm_when_others_speak_on(ask: Ask) -> None:
    """large-eu-0 is scraped until 11:59, GPUs until 13:00; of its 195 tokens no request tells."""
    found = ask(
        "select alarm, subject, cause, since, size, unit from rpt_alarms "
        "where alarm in ('missing_scrapes', 'telemetry_coverage') order by alarm"
    )
    assert found == [
        (
            "missing_scrapes",
            "large-eu-0",
            "the engine was not scraped",
            datetime(2026, 9, 1, 11, 59),
            60.0,
            "scrapes",
        ),
        (
            "telemetry_coverage",
            "large-eu",
            "requests lack output tokens that the engines counted",
            datetime(2026, 9, 1, 10),
            195.0,
            "output tokens",
        ),
    ]


def test_every_alarm_carries_a_query_that_shows_rows(ask: Ask) -> None:
    queries = [query for (query,) in ask("select query from rpt_alarms")]
    assert queries
    for query in queries:
        assert ask(query), query
