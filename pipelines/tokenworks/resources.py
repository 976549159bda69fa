"""Resources that assets and checks ask for.

Belongs here: the home folder as a resource. Connections do not: dbt and publish alone open the build
file, under the lock of `warehouse.py`.
"""

from __future__ import annotations

import dagster as dg

from tokenworks_sources.settings import Settings


class SettingsResource(dg.ConfigurableResource[Settings]):
    """The home folder of the run.

    Attributes:
        home: absolute path of the home folder.
    """

    home: str

    @classmethod
    def of(cls, settings: Settings) -> SettingsResource:
        """The resource of given settings."""
        return cls(home=str(settings.home))

    def get(self) -> Settings:
        """The paths below the home folder."""
        return Settings.at(self.home)
