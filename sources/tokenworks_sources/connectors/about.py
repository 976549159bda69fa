"""`about.yaml`: what a file cannot say of itself, said by whoever lands it, beside the file.

```yaml
zone: America/Los_Angeles       # of times that name none: an IANA name, UTC, or an offset (-07:00)
date_order: month_first         # or day_first: how 02/03/2026 is meant
anchor: 2026-05-29T11:35:48Z    # when a run began whose clock starts anywhere
valid_from: 2026-09-01          # since when a price list holds that does not say so
observed_at: 2026-09-01         # when offers were seen that do not say so
currency: USD                   # of prices that name none
price_basis: with_vat           # or market: whether prices of electricity hold value-added tax
model: my-model                 # model under test, where a benchmark's files do not name it
```

It is for all files of its folder. A connector that needs a fact asks for it, and a file without the fact
is refused: nothing is taken from a file's name or from the clock. What columns mean is no such fact: that
belongs to a mapping.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import xxhash
import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from tokenworks_sources.connectors import local_clock
from tokenworks_sources.errors import LandingFileError

SIDECAR = "about.yaml"
LARGEST_BYTES = 1 << 16
# What a list without a day is dated by.
DAY_OF_LIST = "the day it was published or read"

Order = Literal["day_first", "month_first"]
DAY_FIRST: Order = "day_first"
MONTH_FIRST: Order = "month_first"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")
_DAY_OR_TIME = "a day or a time, such as 2026-09-01"


def _written_as_day(value: object) -> object:
    # 20260901 would be seconds since 1970.
    if isinstance(value, str) and not _DAY.match(value):
        raise ValueError("no day")
    return value


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("out of range") from error


_AsWritten = BeforeValidator(_written_as_day)


class About(BaseModel):
    """The facts of one folder; None is not said. Each description is what the fact may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: str | None = Field(None, description="UTC, -07:00 or a name such as Europe/Berlin")
    date_order: Order | None = Field(None, description="day_first or month_first")
    anchor: Annotated[AwareDatetime | None, _AsWritten] = Field(
        None, description="a time with its zone, such as 2026-05-29T11:35:48Z"
    )
    valid_from: Annotated[datetime | None, _AsWritten] = Field(None, description=_DAY_OR_TIME)
    observed_at: Annotated[datetime | None, _AsWritten] = Field(None, description=_DAY_OR_TIME)
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="a code of ISO 4217, such as USD"
    )
    price_basis: Literal["market", "with_vat"] | None = Field(
        None, description="market or with_vat"
    )
    model: str | None = Field(None, min_length=1, description="the name of a model")

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        if value is not None:
            local_clock.zone_of(value)
        return value

    @field_validator("anchor", "valid_from", "observed_at")
    @classmethod
    def _naive(cls, value: datetime | None) -> datetime | None:
        """Naive UTC; a day is its first moment, and a time without a zone is UTC."""
        return None if value is None else _utc(value)

    def utc_of(self, local: datetime) -> datetime:
        """A time of the zone as naive UTC, the first pass of an hour that clocks repeat.

        Where no zone is said, or the time has one of its own, that is not needed.
        """
        if local.tzinfo is None:
            local = local.replace(tzinfo=local_clock.zone_of(self.zone) if self.zone else UTC)
        return local.astimezone(UTC).replace(tzinfo=None)


def beside(path: Path) -> About:
    """The facts beside a landing file; an empty `About` where there is no sidecar.

    Raises:
        LandingFileError: the sidecar is no YAML, or says what it may not say.
    """
    sidecar = path.with_name(SIDECAR)
    if not sidecar.is_file():
        return About()
    keys = f"It may say {', '.join(About.model_fields)}, as `key: value`."
    try:
        with sidecar.open("rb") as stream:
            text = stream.read(LARGEST_BYTES + 1).decode("utf-8-sig")
        found = yaml.load(text, Loader=_Texts) if len(text) <= LARGEST_BYTES else text
        return About.model_validate({} if found is None else found)
    except ValidationError as error:
        key = ".".join(str(part)[:64] for part in error.errors()[0]["loc"][:1])
        fact = About.model_fields.get(key)
        if fact is not None:
            what, hint = f"{key} cannot be used.", f"Write {fact.description}."
        else:
            what, hint = f"{key} is no key of it." if key else "it is no list of keys.", keys
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        what, hint = "it is not YAML.", keys
    raise LandingFileError(sidecar, what, hint)


def missing(path: Path, why: str, line: str, meaning: str = "") -> LandingFileError:
    """The error of a file that cannot be read without a fact.

    Args:
        path: the file.
        why: what it lacks.
        line: what to write.
        meaning: what that is to be.
    """
    behind = f": {meaning}" if meaning else ""
    return LandingFileError(path, f"{why}.", f"Write `{line}` into {SIDECAR} beside it{behind}.")


def anchor_needed(path: Path, said: About, why: str) -> datetime:
    """When the run of a file began, as naive UTC.

    Args:
        path: the file whose clock starts anywhere.
        said: what lies beside it.
        why: what its times lack.

    Raises:
        LandingFileError: no sidecar says it.
    """
    if said.anchor is None:
        raise missing(
            path,
            f"{why}, so nothing in it can be dated",
            "anchor: 2026-05-29T11:35:48Z",
            "when the run began",
        )
    return said.anchor


def zone_needed(path: Path, said: About, times: str, example: str) -> str:
    """The zone of a file's local times, which `local_clock.zone_of` reads.

    Args:
        path: the file.
        said: what lies beside it.
        times: what is local in it: "its times are local".
        example: a zone that fits such files.

    Raises:
        LandingFileError: no sidecar says it.
    """
    if said.zone is None:
        raise missing(path, f"{times}, and nothing says of which zone", f"zone: {example}")
    return said.zone


def version_with(version: str, path: Path, *others: Path | None) -> str:
    """A connector's version with the digests of what is said beside a file: a corrected fact re-ingests.

    Args:
        version: that of the connector.
        path: the file.
        others: more files that its rows depend on.
    """
    sidecar = path.with_name(SIDECAR)
    facts = [sidecar if sidecar.is_file() else None, *others]
    digests = [xxhash.xxh3_64_hexdigest(fact.read_bytes()) for fact in facts if fact]
    return "-".join([version, *digests])


class _Texts(yaml.SafeLoader):
    """Leaves numbers and times as they are written: -11:00 is a zone, and no number of base 60."""


_NULL = "tag:yaml.org,2002:null"
_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == _NULL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
