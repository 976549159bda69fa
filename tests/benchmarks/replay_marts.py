"""Published marts of many requests for a replay, made from the sample fleet's by copying them.

The fleet is copied, not the load: each copy is a fleet of its own with the sample's deployments, which serves what
they served, one fortnight after another. So laws, caches and hours stay those of the sample, however many requests
are asked for, and a replay is accepted or refused as on the sample. Only the marts and columns that a replay reads
are written, a file for each fortnight, in order of arrival.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tokenworks.replay.traffic.marts import COLUMNS, DEPLOYMENTS, HOURS, REQUESTS

FLEETS = 18
DAYS = 14
TENANT_GROUPS = 3
#: More than any block hash of the sample.
APART = 10**10
MEMORY = "2GB"


def write_marts(sample: Path, target: Path, requests: int) -> int:
    """Copies of published Parquet; how many requests they hold.

    Args:
        sample: published Parquet of the sample fleet.
        target: folder that gets the copies.
        requests: at least so many.
    """
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute("set TimeZone = 'UTC'")
        (rows,) = connection.execute(f"select count(*) from {_read(sample, REQUESTS)}").fetchall()[
            0
        ]
        fleets = min(FLEETS, -(-requests // rows))
        fortnights = -(-requests // (rows * fleets))
        for mart in COLUMNS:
            folder = target / mart
            folder.mkdir(parents=True)
            for fortnight in range(1 if mart == DEPLOYMENTS else fortnights):
                text = _copies(sample, mart, fleets, fortnight)
                connection.execute(
                    f"copy ({text}) to '{folder}/part-{fortnight:03}.parquet' (format parquet)"
                )
    return int(rows * fleets * fortnights)


def _read(sample: Path, mart: str) -> str:
    return f"read_parquet('{sample}/{mart}/**/*.parquet', hive_partitioning = false)"


def _copies(sample: Path, mart: str, fleets: int, fortnight: int) -> str:
    """SQL of one fortnight of a mart: `c` is the fleet."""
    copies = fleets if mart in (REQUESTS, DEPLOYMENTS, HOURS) else 1
    listed = ", ".join(f"{_copied(name, fortnight)} as {name}" for name in COLUMNS[mart])
    order = " order by started_at" if mart == REQUESTS else ""
    return f"select {listed} from {_read(sample, mart)}, range({copies}) as copies(c){order}"


def _copied(name: str, fortnight: int) -> str:
    """A column of a copy."""
    copy, days = f"'-', {fortnight}, '-', c", f"to_days({DAYS * fortnight})"
    # Hashed, since numbers of blocks that skip some would look like a log that lacks requests.
    block = f"hash(h + ({fortnight * FLEETS} + c) * {APART}) >> 1"
    changed = {
        "hour_start": f"hour_start + {days}",
        "event_date": f"event_date + {DAYS * fortnight}",
        "deployment_id": "deployment_id || '-' || c",
        "replica_id": "replica_id || '-' || c",
        "tenant_id": f"tenant_id || '-' || (c % {TENANT_GROUPS})",
        "request_id": f"md5(concat(request_id, {copy}))",
        "session_id": f"if(session_id is null, null, md5(concat(session_id, {copy})))",
        # The sample logs none: prompts of a tenant that are as long as each other count as equal.
        "prompt_fingerprint": f"md5(concat(tenant_id, '-', input_total_tokens, {copy}))",
        "prefix_block_hashes": f"list_transform(prefix_block_hashes, lambda h: cast({block} as bigint))",
    }
    for moment in ("started_at", "first_token_at", "ended_at"):
        # Fleets are milliseconds apart, so that no two requests arrive at once.
        changed[moment] = f"{moment} + {days} + to_milliseconds(c)"
    return changed.get(name, name)
