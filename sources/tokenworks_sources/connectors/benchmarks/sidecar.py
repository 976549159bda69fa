"""`benchmark.yaml`: what a benchmark's files do not say about their run.

    anchor: 2026-05-29T11:35:48Z   # when the run began; a clock that starts anywhere is placed on it
    zone: Europe/Berlin            # zone of dates that name none; UTC where absent
    model: my-model                # model under test, where the files do not name it

It lies beside the files and speaks for all of them; a changed one re-ingests them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import xxhash
import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from tokenworks_sources.errors import LandingFileError

SIDECAR = "benchmark.yaml"
_EPOCH = datetime(1970, 1, 1)
_EXAMPLE = "anchor: 2026-05-29T11:35:48Z"


class Said(BaseModel):
    """What a `benchmark.yaml` says; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchor: AwareDatetime | None = None
    zone: str = "UTC"
    model: str | None = None

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("no IANA zone, such as Europe/Berlin")
        return zone

    @property
    def start(self) -> datetime | None:
        """The anchor as naive UTC."""
        return self.anchor.astimezone(UTC).replace(tzinfo=None) if self.anchor else None

    def utc_of(self, local: datetime) -> datetime:
        """A time of the zone as naive UTC; the first pass of an hour that clocks repeat."""
        if local.tzinfo is not None:
            return local.astimezone(UTC).replace(tzinfo=None)
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC).replace(tzinfo=None)


def said_beside(path: Path) -> Said:
    """What lies beside a file; nothing where there is no sidecar.

    Raises:
        LandingFileError: the sidecar is no YAML, or says what it may not say.
    """
    sidecar = path.with_name(SIDECAR)
    if not sidecar.is_file():
        return Said()
    try:
        return Said.model_validate(yaml.safe_load(sidecar.read_text(encoding="utf-8-sig")) or {})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        what = f"{where}: {problem['msg'].removeprefix('Value error, ')}."
    except (yaml.YAMLError, UnicodeDecodeError):
        what = "it is not YAML."
    raise LandingFileError(sidecar, what, f"It may say anchor, zone and model, as in {_EXAMPLE!r}.")


def version_beside(version: str, path: Path) -> str:
    """A connector's version with the digest of the sidecar, so that a changed one re-ingests."""
    sidecar = path.with_name(SIDECAR)
    if not sidecar.is_file():
        return version
    return f"{version}-{xxhash.xxh3_64_hexdigest(sidecar.read_bytes())}"


def anchor_of(path: Path, said: Said, why: str) -> datetime:
    """The anchor, as naive UTC.

    Args:
        path: the file whose clock starts anywhere.
        said: what lies beside it.
        why: what its times lack.

    Raises:
        LandingFileError: no sidecar names it.
    """
    if said.start is None:
        raise LandingFileError(
            path,
            f"{why}, so nothing in it can be dated.",
            f"Lay a file {SIDECAR} beside it that says when the run began, as in {_EXAMPLE!r}.",
        )
    return said.start


def later(start: datetime, seconds: float | None) -> datetime | None:
    """A time so many seconds later, or None where either is unknown or there is no such time."""
    if seconds is None:
        return None
    try:
        return start + timedelta(microseconds=round(seconds * 1_000_000))
    except OverflowError:
        return None


def instant(nanoseconds: int) -> datetime:
    """Naive UTC of an epoch in nanoseconds, cut to microseconds.

    Raises:
        OverflowError: there is no such time.
    """
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
