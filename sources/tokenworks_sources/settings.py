"""Where things lie, and the few values that come from the environment.

The only module that builds paths of the home folder. Nothing is read at import.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tokenworks_sources.errors import TokenworksError

HOME_VARIABLE = "TOKENWORKS_HOME"
PSEUDONYM_VARIABLE = "TOKENWORKS_PSEUDONYM_KEY"


class SettingsError(TokenworksError):
    """A value of the environment that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Paths of one home folder.

    Attributes:
        home: absolute path of the home folder.
    """

    home: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Settings from `TOKENWORKS_HOME`, by default `data` in the current folder."""
        return cls.at(os.environ.get(HOME_VARIABLE) or "data")

    @classmethod
    def at(cls, home: Path | str) -> Settings:
        """Settings of a given home folder."""
        return cls(Path(home).expanduser().resolve())

    @property
    def landing(self) -> Path:
        """Raw files, `<table>/<connector>/...`; never modified."""
        return self.home / "landing"

    @property
    def lake(self) -> Path:
        """Typed Parquet, `<table>/event_date=YYYY-MM-DD/`."""
        return self.home / "lake"

    @property
    def build_database(self) -> Path:
        """The DuckDB file that only dbt and publish open."""
        return self.home / "build" / "warehouse.duckdb"

    @property
    def build(self) -> Path:
        """Private files of the build: database, dbt target and logs, locks."""
        return self.home / "build"

    @property
    def publish(self) -> Path:
        """What people read."""
        return self.home / "publish"

    @property
    def published_database(self) -> Path:
        """The DuckDB file that people read; replaced by a rename."""
        return self.publish / "warehouse.duckdb"

    @property
    def published_parquet(self) -> Path:
        """One folder of Parquet per mart, in one or more parts."""
        return self.publish / "parquet"

    @property
    def replay(self) -> Path:
        """One folder per replay run."""
        return self.home / "replay"

    @property
    def calibrations(self) -> Path:
        """Law and report of every deployment that was learnt from."""
        return self.replay / "calibrations"

    @property
    def reports(self) -> Path:
        """One folder per period."""
        return self.home / "reports"

    @property
    def books(self) -> Path:
        """What was recorded, what is closed and what was corrected; never made again."""
        return self.home / "books"

    @property
    def history(self) -> Path:
        """One folder per recording, named by its time."""
        return self.books / "history"

    @property
    def closed(self) -> Path:
        """One folder per closed period, named by it."""
        return self.books / "closed"

    @property
    def pseudonym_key_file(self) -> Path:
        """Key of the pseudonyms where the environment holds none."""
        return self.home / "pseudonym.key"
