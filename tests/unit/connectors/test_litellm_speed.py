"""LiteLLM spend logs: the hints that make them fast are found, and wrong ones change nothing."""

from __future__ import annotations

from datetime import date

import pytest

from tokenworks_sources.connectors.requests import litellm_sql


@pytest.mark.parametrize(
    ("record", "day"),
    [
        (b'{"startTime": "2026-09-01T23:59:59.9Z"}', date(2026, 9, 1)),
        (b'{"startTime":"2026-09-01 10:00:00"}', date(2026, 9, 1)),
        (b'{"startTime": "2026-02-30T10:00:00Z"}', None),
        (b'{"startTime": null}', None),
        (b"", None),
    ],
)
def test_the_day_is_that_of_the_start_when_a_record_says_it(
    record: bytes, day: date | None
) -> None:
    assert litellm_sql.day_of(record) == day
