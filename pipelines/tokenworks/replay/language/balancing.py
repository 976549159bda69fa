"""The language's section `balancing`: which replica of a deployment answers which request."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Names, Strict


class Balancing(Strict):
    """How the requests of a deployment find a replica."""

    policy: Literal["least_loaded", "round_robin", "session", "prefix", "power_of_two"] = Field(
        description="least_loaded: fewest running and waiting. round_robin: in turn. session: where "
        "its last turn went, the least loaded for a first one. prefix: fewest prompt "
        "tokens to compute there, plus the load. power_of_two: the less loaded of two drawn ones."
    )
    request_tokens: Annotated[FiniteFloat, Field(ge=0)] | None = Field(
        default=None,
        description="With prefix: prompt tokens that one request in flight weighs; 0 looks at no "
        "load, and one replica may get it all.",
    )
    deployments: Names | None = Field(default=None, description="Their ids; all if absent.")
    tiers: Names | None = Field(default=None, description="Or the tiers that change.")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.deployments is not None and self.tiers is not None:
            raise ValueError("give deployments or tiers, not both")
        if (self.policy == "prefix") != (self.request_tokens is not None):
            raise ValueError("prefix and request_tokens go together")
        return self
