"""Spooled ESPI readings judged, scaled and deduplicated in SQL.

Belongs here: the arithmetic. Money stays decimal: `cost` counts hundred-thousandths of the currency,
whatever the power-of-ten multiplier of the value is. Energy divides by one power of ten, so it is
the double nearest to the decimal quotient.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from tokenworks_sources.connectors.energy_readings.espi_links import QUALITIES, Stream
from tokenworks_sources.connectors.energy_readings.iso4217 import codes_by_text
from tokenworks_sources.contracts.energy import READINGS
from tokenworks_sources.contracts.enforce import sql_violation

SUPERSEDED = "skip: superseded by a later reading of the same interval"

# Seconds of year 9999; make_timestamp fails on more.
_LAST_SECOND = 253_402_300_799

_TYPED = """
create view typed as
select
    r.n,
    s.verdict,
    try_cast(b.updated as timestamptz) as updated,
    r.value as raw_value,
    r.start as raw_start,
    r.duration as raw_duration,
    r.cost as raw_cost,
    coalesce(r.currency, s.currency) as raw_currency,
    s.measures,
    try_cast(r.value as double) as value,
    s.up,
    s.down,
    coalesce(
        try_cast(r.start as decimal(18, 6)),
        case when r.start is null
            then try_cast(b.block_start as decimal(18, 6)) + r.position * s.interval_length end
    ) as start_seconds,
    case when r.duration is null or try_cast(r.duration as decimal(18, 3)) = 0
        then s.interval_length else try_cast(r.duration as decimal(18, 3)) end as seconds,
    try_cast(r.cost as decimal(24, 6)) as cost_units,
    c.code as currency,
    s.meter_id,
    s.flow_direction,
    case when r.quality is null then s.quality else coalesce(q.quality, 'unknown') end as quality,
    r.tou as tariff_period
from read_parquet($readings) as r
join read_parquet($blocks) as b on b.block = r.block
join streams as s on s.ref = b.ref
left join currencies as c on c.number = coalesce(r.currency, s.currency)
left join qualities as q on q.number = r.quality
"""

_JUDGED = f"""
create table judged as
with scaled as (
    select
        *,
        case
            when verdict is not null then verdict
            when raw_value is null then 'reject: value: missing'
            when value is null or not isfinite(value) then 'reject: value: not a number'
            when start_seconds is null and raw_start is null
                then 'reject: timePeriod: no start, and no block start or intervalLength to count from'
            when start_seconds is null or start_seconds not between 0 and {_LAST_SECOND}
                then 'reject: start: not seconds of the Unix epoch'
            when seconds is null and (raw_duration is null or raw_duration = '0')
                then 'reject: duration: missing, and the ReadingType has no intervalLength'
            when seconds is null or seconds <> floor(seconds) or seconds < 1
                then 'reject: duration: not a whole number of seconds'
            when raw_cost is not null and cost_units is null then 'reject: cost: not a number'
            when cost_units <> 0 and raw_currency <> '0' and currency is null
                then 'reject: currency: not a numeric code of ISO 4217'
        end as fault
    from typed
),
contracted as (
    select
        n, fault, updated, tariff_period, quality, meter_id, flow_direction,
        raw_value, raw_start, raw_duration, raw_cost,
        case when fault is null
            then make_timestamp(cast(start_seconds * 1000000 as bigint)) end as interval_start,
        case when fault is null then cast(seconds as bigint) end as interval_seconds,
        case
            when fault is not null or measures = 'power' then null
            when measures = 'energy' then value * up / down
            else value * up / down * cast(seconds as bigint) / 3600
        end as energy_kwh,
        case
            when fault is not null then null
            when measures = 'energy' then value * up / down * 3600 / cast(seconds as bigint)
            else value * up / down
        end as average_power_kw,
        case when currency is not null
            then cast(cost_units * 0.00001 as decimal(38, 12)) end as cost,
        case when cost_units is not null then currency end as currency,
        -- A cost of 0 without a currency says nothing; feeds write it where they have no cost.
        cost_units <> 0 and currency is null as is_of_no_currency
    from scaled
),
checked as (
    select *, coalesce(fault, 'reject: ' || ({sql_violation(READINGS)})) as reason
    from contracted
)
select
    * exclude (fault, raw_value, raw_start, raw_duration, raw_cost),
    case when reason is not null then concat_ws(
        ', ', 'start=' || raw_start, 'duration=' || raw_duration, 'value=' || raw_value,
        'cost=' || raw_cost
    ) end as raw
from checked
"""

_KEYS = ", ".join(READINGS.key)
_REPEATED = f"""
create table repeated as
select {_KEYS} from judged where reason is null group by all having count(*) > 1
"""

# Of one interval the later `updated` holds, then the later place in the feed.
_SUPERSEDE = f"""
update judged set reason = '{SUPERSEDED}'
where n in (
    select n
    from judged
    semi join repeated using ({_KEYS})
    where reason is null
    qualify row_number() over (
        partition by {_KEYS} order by updated desc nulls last, n desc
    ) > 1
)
"""

ROWS = """
select
    n as source_line, meter_id, flow_direction, interval_start, interval_seconds, energy_kwh,
    average_power_kw, quality, cost, currency, tariff_period
from judged
where reason is null
order by meter_id, flow_direction, interval_start
"""

SKIPPED = """
select reason, count(*) from judged where starts_with(reason, 'skip: ') group by 1 order by 1
"""

OF_NO_CURRENCY = "select count(*) from judged where reason is null and is_of_no_currency"

REJECTED = """
select n, reason, raw from judged where starts_with(reason, 'reject: ') order by n
"""


def judge(connection: duckdb.DuckDBPyConnection, folder: Path, streams: Sequence[Stream]) -> None:
    """Fills table `judged` of the connection: one row per reading, `reason` null where it is good."""
    connection.execute("set TimeZone = 'UTC'")
    _create(connection, "streams", _streams_frame(streams))
    codes = codes_by_text()
    _create(
        connection,
        "currencies",
        pl.DataFrame({"number": list(codes), "code": list(codes.values())}),
    )
    names = {str(number): quality for number, quality in QUALITIES.items()}
    _create(
        connection,
        "qualities",
        pl.DataFrame({"number": list(names), "quality": list(names.values())}),
    )
    paths = {name: f"'{folder / f'{name}.parquet'}'" for name in ("readings", "blocks")}
    typed = _TYPED
    for name, path in paths.items():
        typed = typed.replace(f"${name}", path)
    connection.execute(typed)
    connection.execute(_JUDGED)
    # A window over all readings costs five times this count, and most feeds repeat none.
    connection.execute(_REPEATED)
    if connection.execute("select count(*) from repeated").fetchone() != (0,):
        connection.execute(_SUPERSEDE)


def _create(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("given", frame.to_arrow())
    connection.execute(f"create table {name} as from given")
    connection.unregister("given")


def _streams_frame(streams: Sequence[Stream]) -> pl.DataFrame:
    schema = {
        "ref": pl.Int64,
        "meter_id": pl.String,
        "flow_direction": pl.String,
        "measures": pl.String,
        "up": pl.Float64,
        "down": pl.Float64,
        "interval_length": pl.Int64,
        "quality": pl.String,
        "currency": pl.String,
        "verdict": pl.String,
    }
    return pl.DataFrame([stream.__dict__ for stream in streams], schema=schema)
