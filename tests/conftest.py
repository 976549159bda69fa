"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.copies import DbtCopy
from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.lake import LakeSink, ensure_tables, rejects_file
from tokenworks_sources.lake.commit import commit
from tokenworks_sources.lake.paths import landing_lock
from tokenworks_sources.landing import digest_of, preview_of
from tokenworks_sources.manifest import Manifest
from tokenworks_sources.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


# Files that read what takes most of a minute to make once.
DEMO = tuple(
    f"tests/e2e/test_{name}.py" for name in ("focus", "machines", "questions", "sample_fleet")
)


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """With `-n`, tests of one file run in one process, and so do those that share a build."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in DEMO:
            return "demo"
        return "tests/dbt" if file.startswith("tests/dbt/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Marks of groups do not reach the scheduler: pytest-xdist 3.8 sets an id that pytest 9.2 ignores."""
    return Together(config, log)


@pytest.fixture(scope="session", autouse=True)
def utc() -> None:
    """All tests run in UTC, so that a hidden use of local time shows as a difference in CI."""
    os.environ["TZ"] = "UTC"
    time.tzset()


@pytest.fixture(scope="session", autouse=True)
def dbt_starts_as_a_copy() -> Iterator[None]:
    """A build that a test makes itself does not wait for dbt to be imported; a command's does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tokenworks.dbt_project.subprocess",
            SimpleNamespace(Popen=DbtCopy, PIPE=None, STDOUT=None),
        )
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public files beside the repository; they belong to others and are never copied in."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data, the real public files that lie beside the repository")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty home folder."""
    return Settings.at(tmp_path / "home")


@dataclass(frozen=True)
class IngestOutcome:
    """What one landing file became in the lake."""

    frames: dict[str, pl.DataFrame]
    rejects: pl.DataFrame
    manifest: Manifest


IngestFile = Callable[..., IngestOutcome]


@pytest.fixture
def ingest_file(settings: Settings) -> IngestFile:
    """Runs one connector on one file through the lake; `beside` are sidecars to lay next to it."""

    def run(path: Path, connector: Connector, beside: tuple[Path, ...] = ()) -> IngestOutcome:
        ensure_tables(settings.lake)
        target = settings.landing / connector.table / connector.name / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in (path, *beside):
            shutil.copyfile(source, target.with_name(source.name))
        name = str(target.relative_to(settings.landing))
        file = LandingFile(target, name, digest_of(target))
        preview_of(target)
        sink = LakeSink(settings, file, connector.name, connector.table)
        try:
            connector.read(file, sink)
            with landing_lock(settings.lake, connector.table):
                manifest = commit(settings.lake, file, connector.version, sink)
        finally:
            sink.discard()
        rejects = rejects_file(settings.lake, connector.table, file.digest)
        return IngestOutcome(
            {table: _read(settings, table) for table in connector.tables},
            pl.read_parquet(rejects) if rejects.exists() else pl.DataFrame(),
            manifest,
        )

    return run


def _read(settings: Settings, table: str) -> pl.DataFrame:
    contract = contract_of(table)
    frame = pl.read_parquet(str(settings.lake / table / "*" / "*.parquet"), hive_partitioning=True)
    assert {name: frame.schema[name] for name in polars_schema(contract)} == polars_schema(contract)
    return frame.sort("source_file", "source_line")
