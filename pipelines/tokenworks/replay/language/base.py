"""What every section of the scenario language is made of: strict models, names, windows, matches."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _naive_utc(value: object) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


_NAMES_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
Names = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1),
    WithJsonSchema(_NAMES_SCHEMA),
]
Moment = Annotated[datetime, BeforeValidator(_naive_utc)]


class Strict(BaseModel):
    """A section: no unknown key, no change after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(Strict):
    """Requests that arrived in [start, end), UTC; a missing side is open."""

    start: Moment | None = None
    end: Moment | None = None
    warm_up_hours: float = Field(
        default=0.0,
        ge=0,
        le=24 * 31,
        description="Hours before start that are replayed, so that caches and queues are as full "
        "as they were, but of which the result does not speak.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.start >= self.end:
            raise ValueError("end must lie after start")
        if self.warm_up_hours and self.start is None:
            raise ValueError("warm_up_hours needs a start")
        return self


class Bounds(Strict):
    """A range of a number; at least one bound."""

    below: int | None = Field(default=None, description="Less than this.")
    at_most: int | None = Field(default=None, description="This or less.")
    above: int | None = Field(default=None, description="More than this.")
    at_least: int | None = Field(default=None, description="This or more.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("give at least one of below, at_most, above, at_least")
        return self


class Match(Strict):
    """Requests that meet every condition; only what is known when a request arrives."""

    tier: Names | None = None
    model: Names | None = None
    model_requested: Names | None = None
    deployment_id: Names | None = None
    tenant_id: Names | None = None
    region: Names | None = None
    client_region: Names | None = None
    site_id: Names | None = None
    is_streaming: bool | None = None
    input_total_tokens: Bounds | None = None

    @property
    def is_everything(self) -> bool:
        """Whether no condition is given."""
        return not self.model_dump(exclude_none=True)
