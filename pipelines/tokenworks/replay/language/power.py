"""The language's section `power`: tariffs, time shifting of deferrable work, power from load."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Strict
from tokenworks.replay.language.regions import Hourly
from tokenworks.replay.language.routing import Arrival

AtLeastZero = Annotated[FiniteFloat, Field(ge=0)]


class Tariff(Strict):
    """What electricity costs in one region, by hour of the UTC day."""

    region: str = Field(min_length=1, description="Region that it holds in.")
    price_per_kwh: Hourly = Field(
        description="Price: one number, or 24 for the hours of a UTC day; may be below 0."
    )


class Shifting(Strict):
    """Requests that may wait for a better hour."""

    when: Arrival = Field(
        description="Requests that may wait; at least one condition. In a closed loop a session "
        "waits as a whole, by its first turn."
    )
    until: Literal["cheapest", "cleanest"] = Field(
        description="The hour that they wait for, within their delay."
    )
    most_delay_hours: int = Field(ge=1, le=168, description="Longest wait, in whole hours.")
    per_hour: int | None = Field(
        default=None,
        ge=1,
        description="Most requests moved into one hour of a region; no limit if absent.",
    )

    @model_validator(mode="after")
    def _not_everything(self) -> Self:
        if self.when.is_everything:
            raise ValueError("when: name at least one condition")
        return self


class LoadPower(Strict):
    """What one replica draws: idle watts, and more with the load."""

    idle_watts: AtLeastZero = Field(description="While on and without work.")
    peak_watts: AtLeastZero | None = Field(default=None, description="While a step runs.")
    joules_per_prefill_token: AtLeastZero | None = Field(
        default=None, description="Energy per prompt token computed, above idle."
    )
    joules_per_output_token: AtLeastZero | None = Field(
        default=None, description="Energy per output token, above idle."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        per_token = (self.joules_per_prefill_token, self.joules_per_output_token)
        given = [value is not None for value in per_token]
        if any(given) != all(given) or (self.peak_watts is None) != all(given):
            raise ValueError(
                "give either peak_watts, or joules_per_prefill_token and joules_per_output_token"
            )
        if self.peak_watts is not None and self.peak_watts < self.idle_watts:
            raise ValueError("peak_watts must not be below idle_watts")
        return self


class Power(Strict):
    """Electricity under another tariff, at other hours, or from the load."""

    tariffs: list[Tariff] = Field(
        default=[], description="What energy would cost, beside what it did; demand charges apart."
    )
    carbon_grams_per_kwh: dict[str, Hourly] = Field(
        default={},
        description="Carbon intensity by region: one number, or 24 for the hours of a UTC day.",
    )
    shift: Shifting | None = Field(default=None, description="Deferrable work waits.")
    from_load: LoadPower | None = Field(
        default=None,
        description="Draw of a replica: its energy, idle included, beside the recorded.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_defaults=True):
            raise ValueError("give at least one of tariffs, carbon_grams_per_kwh, shift, from_load")
        if self.shift and self.shift.until == "cheapest" and not self.tariffs:
            raise ValueError("shift: until: cheapest needs tariffs")
        if self.shift and self.shift.until == "cleanest" and not self.carbon_grams_per_kwh:
            raise ValueError("shift: until: cleanest needs carbon_grams_per_kwh")
        regions = [tariff.region for tariff in self.tariffs]
        if len(set(regions)) < len(regions):
            raise ValueError("tariffs: a region is given twice")
        return self

    def prices(self) -> dict[str, list[float]]:
        """Price of each hour of a UTC day, by region."""
        return {tariff.region: tariff.price_per_kwh for tariff in self.tariffs}
