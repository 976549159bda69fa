"""`about.yaml`: what a file cannot say of itself, said by whoever lands it, beside the file.

```yaml
date_order: day_first        # or month_first: how 02/03/2026 is meant
valid_from: 2026-09-01       # since when a price list holds that does not say so
observed_at: 2026-09-01      # when offers were seen that do not say so
currency: USD                # of prices that name none
```

It is for all files of its folder. A connector that needs a fact asks for it, and a file without the fact
is refused: nothing is taken from a file's name or from the clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import xxhash
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tokenworks_sources.errors import LandingFileError

SIDECAR = "about.yaml"

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class About(BaseModel):
    """The facts of one folder; None is not said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date_order: Literal["day_first", "month_first"] | None = None
    valid_from: datetime | date | None = None
    observed_at: datetime | date | None = None
    currency: Currency | None = None

    @field_validator("valid_from", "observed_at")
    @classmethod
    def _utc(cls, value: datetime | date | None) -> datetime | None:
        """Naive UTC; a day is its first moment, and a time without a zone is UTC."""
        if value is None:
            return None
        if not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def about(path: Path) -> About:
    """The facts beside a landing file; an empty `About` where there is no sidecar.

    Raises:
        LandingFileError: the sidecar is no YAML, or says something that is not known.
    """
    sidecar = path.with_name(SIDECAR)
    if not sidecar.exists():
        return About()
    try:
        return About.model_validate(yaml.safe_load(sidecar.read_text()) or {})
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        where = (
            ".".join(str(part) for part in error.errors()[0]["loc"]) or "the file"
            if isinstance(error, ValidationError)
            else "the file"
        )
        raise LandingFileError(
            sidecar,
            f"{where} cannot be read.",
            f"Write only {', '.join(About.model_fields)}, as `key: value`.",
        ) from error


def version_with(version: str, path: Path) -> str:
    """A connector's version with the digest of the sidecar: a corrected fact re-ingests."""
    sidecar = path.with_name(SIDECAR)
    if not sidecar.exists():
        return version
    return f"{version}-{xxhash.xxh3_64_hexdigest(sidecar.read_bytes())}"
