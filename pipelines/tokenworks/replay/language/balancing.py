"""The language's section `balancing`: which replica of a deployment answers which request."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tokenworks.replay.language.base import Names, Strict


class Balancing(Strict):
    """How the requests of a deployment find a replica."""

    policy: Literal["least_loaded", "round_robin", "session", "power_of_two"] = Field(
        description="least_loaded: fewest running and waiting. round_robin: in turn. session: where "
        "its last turn went, the least loaded for a first one. power_of_two: the less loaded of "
        "two drawn ones."
    )
    deployments: Names | None = Field(default=None, description="Their ids; all if absent.")
    tiers: Names | None = Field(default=None, description="Or the tiers that change.")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.deployments is not None and self.tiers is not None:
            raise ValueError("give deployments or tiers, not both")
        return self
