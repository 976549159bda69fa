"""The language's section `capacity`: replicas, engine limits, autoscaling, scale to zero."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Names, Strict

Positive = Annotated[FiniteFloat, Field(gt=0)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]


class Autoscaling(Strict):
    """The number of replicas follows the load."""

    lowest: int = Field(ge=0, description="Fewest replicas; 0 scales to zero.")
    highest: int = Field(ge=1, description="Most replicas.")
    target: Positive = Field(description="Requests per replica that are aimed at.")
    counts: Literal["in_flight", "waiting"] = Field(
        default="in_flight",
        description="in_flight: load over target. waiting: replicas that have any request, and "
        "one more per `target` waiting.",
    )
    interval_seconds: Positive = Field(default=15.0, description="Between two looks at the load.")
    cold_start_seconds: Seconds = Field(
        default=60.0, description="From opening a replica to serving; paid for."
    )
    scale_down_delay_seconds: Seconds = Field(
        default=300.0, description="How long the load must ask for fewer before any goes."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lowest > self.highest:
            raise ValueError("lowest must not exceed highest")
        return self


class ScaleToZero(Strict):
    """No replica while nobody asks; the first request after that waits for a cold start."""

    idle_seconds: Seconds = Field(default=300.0, description="Seconds without load before none.")
    cold_start_seconds: Seconds = Field(default=60.0, description="From a request to serving it.")
    requests_per_replica: Positive = Field(
        default=32.0, description="Requests in flight from which on another replica opens."
    )
    interval_seconds: Positive = Field(default=15.0, description="Between two looks at the load.")


class Capacity(Strict):
    """How much of a deployment there is."""

    deployments: Names | None = Field(default=None, description="Their ids; all if absent.")
    tiers: Names | None = Field(default=None, description="Or the tiers that change.")
    replicas: int | None = Field(
        default=None, ge=1, description="Replicas; with scale_to_zero, the most of them."
    )
    max_num_seqs: int | None = Field(default=None, ge=1, description="Largest batch of a replica.")
    token_budget: int | None = Field(default=None, ge=1, description="Tokens of one step.")
    kv_blocks: int | None = Field(default=None, ge=1, description="Blocks of KV of a replica.")
    max_in_flight: int | None = Field(
        default=None, ge=1, description="Running and waiting from which on arrivals are refused."
    )
    autoscale: Autoscaling | None = Field(default=None, description="Replicas follow the load.")
    scale_to_zero: ScaleToZero | None = Field(default=None, description="None while none asks.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.deployments is not None and self.tiers is not None:
            raise ValueError("give deployments or tiers, not both")
        if self.autoscale is not None and (self.replicas is not None or self.scale_to_zero):
            raise ValueError("autoscale excludes replicas and scale_to_zero; use its bounds")
        if self.token_budget is not None and self.token_budget < (self.max_num_seqs or 0):
            raise ValueError("token_budget must hold one token of each of max_num_seqs")
        if not self.model_dump(exclude_defaults=True, exclude={"deployments", "tiers"}):
            raise ValueError("change something: replicas, a limit, autoscale or scale_to_zero")
        return self
