"""The language's section `disaggregation`: prompts and tokens on replicas of their own."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Names, Strict
from tokenworks.replay.language.chips import StatedFactors

Positive = Annotated[FiniteFloat, Field(gt=0)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]


class Pool(Strict):
    """Replicas of one kind; each has the GPUs of one replica of the deployment as it is."""

    replicas: int = Field(ge=1, description="How many.")
    max_num_seqs: int | None = Field(
        default=None, ge=1, description="Largest batch; that of the deployment if absent."
    )
    token_budget: int | None = Field(
        default=None, ge=1, description="Tokens of one step; that of the deployment if absent."
    )
    factors: StatedFactors = Field(
        default=StatedFactors(),
        description="Factors on the deployment's step law; without them it holds as it is.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.token_budget is not None and self.token_budget < (self.max_num_seqs or 0):
            raise ValueError("token_budget must hold one token of each of max_num_seqs")
        return self


class Disaggregation(Strict):
    """A prefill pool makes first tokens, a decode pool all others."""

    deployments: Names | None = Field(default=None, description="Their ids; all if absent.")
    tiers: Names | None = Field(default=None, description="Or the tiers that change.")
    prefill: Pool = Field(description="Computes prompts and makes first tokens.")
    decode: Pool = Field(description="Makes the other tokens.")
    transfer_base_seconds: Seconds = Field(
        default=0.0, description="That every handover takes, whatever the prompt."
    )
    transfer_seconds_per_token: Seconds | None = Field(
        default=None, description="That the keys and values of one prompt token travel."
    )
    kv_bytes_per_token: Positive | None = Field(
        default=None, description="Or the bytes of one token's keys and values,"
    )
    bytes_per_second: Positive | None = Field(
        default=None, description="and those that the link between the pools carries."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.deployments is not None and self.tiers is not None:
            raise ValueError("give deployments or tiers, not both")
        facts = self.kv_bytes_per_token, self.bytes_per_second
        given = [one is not None for one in facts]
        if any(given) != all(given) or all(given) == (self.transfer_seconds_per_token is not None):
            raise ValueError(
                "give transfer_seconds_per_token, or kv_bytes_per_token and bytes_per_second"
            )
        return self

    @property
    def seconds_per_token(self) -> float:
        """That one prompt token travels."""
        if self.transfer_seconds_per_token is not None:
            return self.transfer_seconds_per_token
        if self.kv_bytes_per_token is None or self.bytes_per_second is None:
            raise AssertionError("the section is checked when it is read")
        return self.kv_bytes_per_token / self.bytes_per_second
