"""Which dates a build makes again.

Belongs here: what the lake held at the last complete build, what changed since, and the two tables
that dbt reads and leaves. How dates become SQL lives in `dbt/macros/restatement.sql`.

Attempts and scrapes are made again for the dates to which other landing files gave rows. What follows
from them is made again where the numbers of what it follows from came out different: hours of GPUs
(`int_gpu__restated_dates`), the ledger (`int_costs__restated_dates`), marts
(`int_books__restated_dates`). A build is whole where nothing tells what to compare with: the first one,
the one after a failure or a part, and the one after a change of the fleet, of the SQL or of DuckDB.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NotRequired, TypedDict

import duckdb

from tokenworks.books.reasons import Inputs
from tokenworks.dbt_project import project_dir, project_files
from tokenworks.made import Made, dates_since, kept_marts, lengthened, unbroken
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.lake import partition_files
from tokenworks_sources.lake.paths import EMPTY_PART, date_of_part
from tokenworks_sources.manifest import landing_tables, load_manifests
from tokenworks_sources.settings import Settings

SCHEMA = "restatement"
LAKE_DATES = f"{SCHEMA}.lake_dates"
AS_BUILT = f"{SCHEMA}.as_built"
FINGERPRINTS = ("int_gpu__fingerprints", "int_costs__fingerprints", "int_books__fingerprints")
RESTATED = "int_books__restated_dates"
# Tables whose rows the warehouse keeps by date. Others are small, or say what all rows mean.
BY_DATE = (
    "requests",
    "engine_samples",
    "engine_histograms",
    "gpu_samples",
    "charges",
    "fx_rates",
    "energy_readings",
    "grid_prices",
    "grid_intensity",
    "usage_buckets",
)
FLEET = tuple(table for table in CONTRACTS if table.startswith("fleet_"))

LakeState = dict[str, dict[str, str]]
# In place of the signature of a date that changed while dbt read it: what was read is not known.
UNSETTLED = "changed during the build"


class BuildState(TypedDict):
    """The rules and the lake that a build read, and what builds have made."""

    rules: str
    lake: LakeState
    files: dict[str, str]
    builds: NotRequired[list[Made]]


@dataclass(frozen=True)
class Restatement:
    """What a build has to make again.

    Attributes:
        whole_because: why all dates are made again; None where only some are.
        dates: event dates whose rows in the lake changed, by lake table; empty where whole.
        state: the rules and the lake as they are before dbt starts, and the builds that came before it.
    """

    whole_because: str | None
    dates: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    state: BuildState = field(kw_only=True)

    @property
    def arguments(self) -> list[str]:
        """Arguments for dbt."""
        return ["--full-refresh"] if self.whole_because else []


def plan(settings: Settings) -> Restatement:
    """Compare the lake with the last complete build.

    Read before dbt starts, so that a file which lands during the build is seen by the next one.
    """
    lake = lake_state(settings.lake)
    files = landed_files(settings.lake)
    state: BuildState = {"rules": rules_digest(), "lake": lake, "files": files}
    built = _built_state(state_file(settings))
    if built is None or not settings.build_database.is_file():
        return Restatement("there is no complete build to compare with", state=state)
    if built["rules"] != state["rules"]:
        return Restatement("the models, the contracts or DuckDB changed", state=state)
    before = built["lake"]
    if any(before.get(table) != lake.get(table) for table in FLEET):
        return Restatement("the fleet changed", state=state)
    dates = {table: _changed(before.get(table, {}), lake.get(table, {})) for table in BY_DATE}
    builds = unbroken(built.get("builds", []), settings.build_database)
    return Restatement(None, dates, state={**state, "builds": builds})


def state_file(settings: Settings) -> Path:
    """The file that is there while the last build has passed as a whole; it holds what was read."""
    return settings.build / "complete"


def hand_over(settings: Settings, restatement: Restatement) -> None:
    """Write the dates to where dbt reads them. The caller holds the warehouse."""
    if restatement.whole_because:
        return
    rows = [(table, day) for table, days in restatement.dates.items() for day in days]
    with duckdb.connect(str(settings.build_database)) as connection:
        connection.execute(f"create schema if not exists {SCHEMA}")
        connection.execute(
            f"create or replace table {LAKE_DATES} (lake_table varchar, event_date date)"
        )
        if rows:
            connection.executemany(f"insert into {LAKE_DATES} values (?, ?)", rows)


def record(settings: Settings, restatement: Restatement) -> list[date]:
    """Keep what a complete build has made, for the next one; the dates it restated.

    The caller holds the warehouse. The dates that dbt was handed are taken away, so that a dbt run
    by hand cannot follow them a second time.
    """
    with duckdb.connect(str(settings.build_database)) as connection:
        connection.execute(f"create schema if not exists {SCHEMA}")
        numbers = " union all ".join(
            f"select '{name}' as model, * from {name}" for name in FINGERPRINTS
        )
        connection.execute(f"create or replace table {AS_BUILT} as {numbers}")
        connection.execute(f"drop table if exists {LAKE_DATES}")
        restated = connection.execute(
            f"select distinct event_date from {RESTATED} order by all"
        ).fetchall()
    planned = restatement.state
    days = [day.isoformat() for (day,) in restated]
    read: BuildState = {
        **planned,
        "lake": _settled(planned["lake"], lake_state(settings.lake)),
        "builds": lengthened(planned.get("builds", []), settings.build_database, days),
    }
    state_file(settings).write_text(json.dumps(read, sort_keys=True))
    return [day for (day,) in restated]


def record_part(settings: Settings) -> None:
    """After a build of some models: complete, but nothing to compare with."""
    state_file(settings).touch()


def lake_state(lake: Path) -> LakeState:
    """Signature of each table's date: which landing files gave rows to it, read by what.

    Names, sizes and times of parts say nothing of that: compaction gives the same rows other parts.
    Only a part that no manifest names is known by them.
    """
    given, named = _given(lake)
    state: LakeState = {}
    for table in (*BY_DATE, *FLEET):
        lines = {day: list(found) for (name, day), found in given.items() if name == table}
        parts = [path for path in partition_files(lake, table) if path.name != EMPTY_PART]
        lost = named[table].difference(str(path.relative_to(lake)) for path in parts)
        for path in parts:
            if str(path.relative_to(lake)) not in named[table]:
                status = path.stat()
                line = f"part {path.name} {status.st_size} {status.st_mtime_ns}"
                lines.setdefault(date_of_part(path).isoformat(), []).append(line)
        for name in lost:
            lines.setdefault(date_of_part(lake / name).isoformat(), []).append(f"lost {name}")
        state[table] = {
            day: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]
            for day, found in lines.items()
        }
    return state


def _given(lake: Path) -> tuple[dict[tuple[str, str], list[str]], dict[str, set[str]]]:
    """A line for each landing file by table and date, and the parts that manifests name by table."""
    given: dict[tuple[str, str], list[str]] = defaultdict(list)
    named: dict[str, set[str]] = defaultdict(set)
    for landing_table in landing_tables(lake):
        for manifest in load_manifests(lake, landing_table).values():
            made_by = f"{manifest.connector} {manifest.connector_version}"
            for table, found in manifest.tables.items():
                named[table].update(found.parts)
                for day in found.event_dates:
                    given[table, day].append(f"file {manifest.digest} {made_by} {found.rows}")
    return given, named


def landed_files(lake: Path) -> dict[str, str]:
    """Digest of each landing file in the lake by its name."""
    return {
        manifest.name: manifest.digest
        for landing_table in landing_tables(lake)
        for manifest in load_manifests(lake, landing_table).values()
    }


def build_inputs(settings: Settings) -> Inputs | None:
    """What the last complete build read; None where a part was built after it."""
    state = _built_state(state_file(settings))
    return Inputs(state["rules"], state["files"]) if state else None


@dataclass(frozen=True)
class Remade:
    """What can differ from an earlier state of the build.

    Attributes:
        dates: that were made again since.
        marts: in which no other date differs.
    """

    dates: frozenset[str]
    marts: frozenset[str]


def remade_since(settings: Settings, stamp: str | None) -> Remade | None:
    """What was made again since an earlier state of the build's file; None where that is not known."""
    state = _built_state(state_file(settings))
    if state is None or state["rules"] != rules_digest():
        return None
    dates = dates_since(unbroken(state.get("builds", []), settings.build_database), stamp)
    return None if dates is None else Remade(dates, kept_marts())


def rules_digest() -> str:
    """Digest of what turns the lake into marts: the dbt project and the version of DuckDB."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    project = project_dir()
    for path in sorted(project_files(project)):
        digest.update(f"\0{path.relative_to(project)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _built_state(path: Path) -> BuildState | None:
    if not path.is_file():
        return None
    text = path.read_text()
    if not text:
        return None
    state: BuildState = json.loads(text)
    return state


def _settled(before: LakeState, after: LakeState) -> LakeState:
    """The lake as a build read it: a file may have come during the build, and go before the next."""
    return {
        table: {
            day: signature if after[table].get(day) == signature else UNSETTLED
            for day, signature in (dict.fromkeys(after[table], UNSETTLED) | days).items()
        }
        for table, days in before.items()
    }


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[date, ...]:
    days = {day for day in before.keys() | now.keys() if before.get(day) != now.get(day)}
    return tuple(sorted(date.fromisoformat(day) for day in days))
