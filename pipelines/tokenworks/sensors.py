"""The landing sensor: new files start an ingest of the tables that they feed.

Belongs here: noticing that something changed, from names, sizes and times alone. Contents are read
by ingest, which knows a file by its digest.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from tokenworks.resources import SettingsResource
from tokenworks.schedules import AssetJob
from tokenworks_sources.landing import landing_files
from tokenworks_sources.settings import Settings

# A file that changed just now may still be growing, and half a file would be read for nothing.
SETTLE_SECONDS = 30
LANDING_TAG = "tokenworks/landing"


def fingerprints(settings: Settings, folders: Iterable[str], now: float) -> dict[str, str]:
    """One hash per landing folder, of the names, sizes and times of its settled files.

    Args:
        settings: the home folder.
        folders: landing folders; those without a settled file are left out.
        now: seconds since the epoch.
    """
    found = {}
    for folder in folders:
        lines = []
        for path in landing_files(settings, [folder]):
            status = path.stat()
            if now - status.st_mtime >= SETTLE_SECONDS:
                name = path.relative_to(settings.landing)
                lines.append(f"{name}\t{status.st_size}\t{status.st_mtime_ns}")
        if lines:
            found[folder] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


def changed_folders(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Folders whose fingerprint is new; a folder that was emptied brings nothing to ingest."""
    return sorted(folder for folder, hashed in now.items() if before.get(folder) != hashed)


def run_key(folders: Iterable[str], hashes: Mapping[str, str]) -> str:
    """The same files give the same key, so that no tick starts a second run for them."""
    text = json.dumps({folder: hashes[folder] for folder in folders}, sort_keys=True)
    return "landing-" + hashlib.sha256(text.encode()).hexdigest()


def landing_sensor(
    job: AssetJob, tables: Mapping[str, Sequence[dg.AssetKey]]
) -> dg.SensorDefinition:
    """The sensor; off until it is switched on.

    Args:
        job: the job that ingests.
        tables: the lake assets that each landing folder feeds.
    """

    @dg.sensor(
        name="landing",
        job=job,
        minimum_interval_seconds=60,
        description="New or changed landing files start an ingest of the tables they feed.",
    )
    def landing(
        context: dg.SensorEvaluationContext, settings: SettingsResource
    ) -> dg.SensorResult | dg.SkipReason:
        before = json.loads(context.cursor) if context.cursor else {}
        hashes = fingerprints(settings.get(), tables, time.time())
        folders = changed_folders(before, hashes)
        if not folders:
            return dg.SkipReason("no new or changed file in the landing folder")
        assets = sorted({key for folder in folders for key in tables[folder]})
        request = dg.RunRequest(
            run_key=run_key(folders, hashes),
            asset_selection=assets,
            # The day the files came; the days that they touch are reported by the run.
            partition_key=f"{datetime.now(UTC):%Y-%m-%d}",
            tags={LANDING_TAG: ", ".join(folders)},
        )
        return dg.SensorResult([request], cursor=json.dumps(hashes, sort_keys=True))

    return landing
