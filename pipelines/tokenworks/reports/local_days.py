"""The days of a period as a clock in a time zone shows them: no hour lost, none counted twice.

Here belongs cutting the hours of the marts into local days. An hour belongs to the local date on which
it begins, which matters where a zone is off by half an hour. What a cost is belongs to the marts.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

import duckdb

from tokenworks.reports.ledger import CATEGORIES
from tokenworks.reports.period import Period
from tokenworks_sources.errors import TokenworksError

BOOKS = "dim_books"
# Of a table: its name, and the hour of a row.
_HOURS = {
    "fct_cost_ledger": "hour_start",
    "fct_requests": "date_trunc('hour', started_at)",
}


class TimeZoneError(TokenworksError):
    """A name that no time zone has."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is no IANA time zone. Write one such as America/New_York.")


def known_zone(text: str) -> str:
    """A time zone's name.

    Raises:
        TimeZoneError: no zone has it.
    """
    if text not in available_timezones():
        raise TimeZoneError(text)
    return text


def zone_of_books(marts: Path) -> str | None:
    """The time zone that the fleet names for reports; None where it is UTC or not named."""
    files = sorted((marts / BOOKS).rglob("*.parquet"))
    if not files:
        return None
    with duckdb.connect() as connection:
        view = connection.read_parquet([str(path) for path in files])
        found = view.project("time_zone").fetchall()
    return next((zone for (zone,) in found if zone != "UTC"), None)


def write_local_days(marts: Path, period: Period, zone: str, path: Path) -> None:
    """Write a line for each local day of the period.

    Its hours, its requests and tokens by when they began, and its cost by currency and category. What
    is not known is empty.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set variable zone = ?", [zone])
        connection.execute("set variable first = ?", [period.start])
        connection.execute("set variable last = ?", [period.last_day])
        _hours(connection, period)
        for mart, hour in _HOURS.items():
            _by_local_day(connection, marts, mart, hour)
        cursor = connection.execute(_days(_currencies(connection)))
        columns = [column[0] for column in cursor.description or ()]
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(cursor.fetchall())


def _hours(connection: duckdb.DuckDBPyConnection, period: Period) -> None:
    """Every UTC hour whose local date is in the period; no zone is more than a day from UTC."""
    around = [period.start - timedelta(days=1), period.end + timedelta(days=1)]
    connection.execute(
        "create temp table hours as "
        "select utc_hour, cast((utc_hour at time zone 'UTC') at time zone getvariable('zone') "
        "as date) as local_date from (select unnest(generate_series(cast(? as timestamp), "
        "cast(? as timestamp), interval 1 hour)) as utc_hour) "
        "where local_date between getvariable('first') and getvariable('last')",
        around,
    )


def _by_local_day(connection: duckdb.DuckDBPyConnection, marts: Path, mart: str, hour: str) -> None:
    files = [str(path) for path in sorted((marts / mart).rglob("*.parquet"))]
    connection.read_parquet(files, hive_partitioning=False, union_by_name=True).create_view(mart)
    connection.execute(
        f"create temp view local_{mart} as select {mart}.*, hours.local_date "
        f"from {mart} inner join hours on {hour} = hours.utc_hour"
    )


def _currencies(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select distinct currency from local_fct_cost_ledger order by currency"
    ).fetchall()
    return [currency for (currency,) in rows]


def _days(currencies: list[str]) -> str:
    sums = [
        f"sum(cost) filter (currency = '{currency}'{condition}) as {name}_{currency}"
        for currency in currencies
        for name, condition in (
            *((category, f" and category = '{category}'") for category in CATEGORIES),
            ("cost", ""),
        )
    ]
    costs = "".join(f", {one}" for one in sums)
    return f"""
        with days as (
            select local_date, min(utc_hour) as utc_start, count(*) as hours
            from hours group by local_date
        ),
        costs as (
            select local_date as cost_date{costs} from local_fct_cost_ledger group by local_date
        ),
        requests as (
            select local_date as request_date, count(*) as requests,
                sum(input_total_tokens) as input_total_tokens,
                sum(output_total_tokens) as output_total_tokens
            from local_fct_requests group by local_date
        )
        select days.*, coalesce(requests, 0) as requests, input_total_tokens, output_total_tokens,
            costs.* exclude (cost_date)
        from days
        left join requests on local_date = request_date
        left join costs on local_date = cost_date
        order by local_date
    """
