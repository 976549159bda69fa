"""When GPU offers were seen."""

from __future__ import annotations

from datetime import datetime

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile


def observed_at(file: LandingFile) -> datetime:
    """When the offers of a file were seen, as `about.yaml` beside it says.

    Raises:
        LandingFileError: nothing says it.
    """
    seen = about.beside(file.path).observed_at
    if seen is None:
        why = "the list does not say when its prices were seen"
        raise about.missing(file.path, why, "observed_at: YYYY-MM-DD", about.DAY_OF_LIST)
    return seen
