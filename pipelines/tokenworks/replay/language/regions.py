"""The language's section `regions`: which region answers which request."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, WithJsonSchema, model_validator

from tokenworks.replay.language.base import Names, Strict
from tokenworks.replay.language.routing import Arrival

Seconds = Annotated[FiniteFloat, Field(ge=0)]


def _every_hour(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [value] * 24 if is_number else value


_HOURLY_SCHEMA = {
    "anyOf": [
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 24, "maxItems": 24},
    ]
}
#: One number for all hours, or 24 for the hours of a UTC day.
Hourly = Annotated[
    list[FiniteFloat],
    BeforeValidator(_every_hour),
    Field(min_length=24, max_length=24),
    WithJsonSchema(_HOURLY_SCHEMA),
]


class Residency(Strict):
    """Where the requests of some tenants or clients may be answered."""

    when: Arrival = Field(
        description="Requests that it binds. One whose tenant or client region is unknown is bound."
    )
    regions: Names = Field(description="Regions that may answer them.")

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.when.is_everything:
            raise ValueError("when: name at least one condition")
        return self


class RegionRouting(Strict):
    """Requests go to the deployment of their model in the region that is best for them."""

    choose: Literal["latency", "price", "carbon"] = Field(
        description="What makes a region best: least round trip, price, or carbon of the hour."
    )
    when: Arrival = Field(default=Arrival(), description="Requests that may move; all if absent.")
    rtt_seconds: dict[str, dict[str, Seconds]] = Field(
        default={},
        description="Round trip in seconds, by client region and then by region that answers.",
    )
    price_per_kwh: dict[str, Hourly] = Field(
        default={},
        description="Price of electricity by region: one number, or 24 for the hours of a UTC day. "
        "Without it, `choose: price` takes what a unit of work has cost at each deployment.",
    )
    carbon_grams_per_kwh: dict[str, Hourly] = Field(
        default={}, description="Carbon intensity by region, in the same form."
    )
    series_file: str | None = Field(
        default=None,
        description="CSV or Parquet with region, hour_start (UTC) and price_per_kwh or "
        "carbon_grams_per_kwh, in place of the numbers above.",
    )
    most_added_rtt_seconds: Seconds | None = Field(
        default=None, description="A request does not move where its round trip grows by more."
    )
    least_gain: float = Field(
        default=0.0, ge=0, lt=1, description="It moves for a gain of more than this share only."
    )
    capacity_per_hour: dict[str, int] = Field(
        default={},
        description="Requests per hour that a deployment takes, by its id; no limit where absent.",
    )
    residency: list[Residency] = Field(
        default=[], description="Where answers may come from; every rule that binds must allow it."
    )

    @model_validator(mode="after")
    def _has_what_it_chooses_by(self) -> Self:
        if self.choose == "latency" and not self.rtt_seconds:
            raise ValueError("choose: latency needs rtt_seconds")
        if self.choose == "carbon" and not (self.carbon_grams_per_kwh or self.series_file):
            raise ValueError("choose: carbon needs carbon_grams_per_kwh or series_file")
        if self.most_added_rtt_seconds is not None and not self.rtt_seconds:
            raise ValueError("most_added_rtt_seconds needs rtt_seconds")
        if any(limit < 0 for limit in self.capacity_per_hour.values()):
            raise ValueError("capacity_per_hour: a capacity is 0 or more")
        return self
