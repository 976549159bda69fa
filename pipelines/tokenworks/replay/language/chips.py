"""The language's section `chips`: another chip, precision, drafter or a distilled model."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Names, Strict
from tokenworks.replay.serving.chips import LawFactors, Speeds, tokens_per_step

Factor = Annotated[FiniteFloat, Field(gt=0)]


class Facts(Strict):
    """What one replica's chips do and what the model asks of them, before or after."""

    flops: Factor = Field(description="Operations per second at the computing precision.")
    memory_bytes_per_second: Factor = Field(description="Bandwidth of device memory.")
    weight_bytes: Factor = Field(description="Bytes of the weights that a step reads.")
    kv_bytes_per_token: Factor = Field(description="Bytes of one token's keys and values.")
    active_parameters: Factor = Field(description="Parameters that a token passes through.")

    def speeds(self) -> Speeds:
        """As the serving model takes them."""
        return Speeds(**self.model_dump())


class FromFacts(Strict):
    """Speed factors from the facts of the chips: a roofline's word, not a measurement."""

    now: Facts = Field(description="Of the deployments as they ran.")
    then: Facts = Field(description="Of the deployments as they would run.")


class StatedFactors(Strict):
    """Measured or published factors on the step law; 0.5 takes half as long."""

    base: Factor | None = Field(default=None, description="Of every step.")
    per_running: Factor | None = Field(default=None, description="Per running request.")
    per_kv_token: Factor | None = Field(default=None, description="Per token in KV.")
    per_prefill_token: Factor | None = Field(default=None, description="Per prompt token.")
    with_prefill: Factor | None = Field(default=None, description="Of a step with prefill.")
    per_longest: Factor | None = Field(default=None, description="Per token of the longest.")

    def over(self, derived: LawFactors) -> LawFactors:
        """The stated factors, and the derived ones where none is stated."""
        return LawFactors(**(vars(derived) | self.model_dump(exclude_none=True)))


class Speculative(Strict):
    """A drafter proposes tokens that the model checks in one step."""

    tokens_per_step: Annotated[FiniteFloat, Field(ge=1)] | None = Field(
        default=None, description="Mean tokens per step (acceptance length), as measured."
    )
    acceptance_rate: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = Field(
        default=None, description="Chance that a drafted token is accepted; with `drafted`."
    )
    drafted: int | None = Field(default=None, ge=1, description="Tokens drafted per step.")
    draft_seconds: FiniteFloat = Field(
        default=0.0, ge=0, description="Seconds that drafting adds to every step."
    )
    verification_factor: FiniteFloat = Field(
        default=1.0, ge=1, description="Cost of a request's share of a step that checks drafts."
    )

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        by_rate = self.acceptance_rate is not None
        if by_rate == (self.tokens_per_step is not None) or by_rate != (self.drafted is not None):
            raise ValueError("give either tokens_per_step, or acceptance_rate and drafted")
        return self

    def length(self) -> float:
        """Mean tokens per step."""
        if self.acceptance_rate is not None and self.drafted is not None:
            return tokens_per_step(self.acceptance_rate, self.drafted)
        return self.tokens_per_step or 1.0


class ChipChange(Strict):
    """Deployments served by something else than what served them."""

    deployments: Names | None = Field(default=None, description="Their ids; all if absent.")
    tiers: Names | None = Field(default=None, description="Or the tiers that change.")
    facts: FromFacts | None = Field(default=None, description="Speed from facts of the chips.")
    factors: StatedFactors = Field(
        default=StatedFactors(), description="Stated factors; they replace those from facts."
    )
    speculative: Speculative | None = Field(default=None, description="A drafter.")
    watts_factor: Factor = Field(default=1.0, description="On the power drawn, idle and busy.")
    price_factor: Factor = Field(default=1.0, description="On the price of an hour.")
    kv_blocks_factor: Factor = Field(
        default=1.0, description="On KV capacity, such as 2 where the keys take half the bytes."
    )
    quality_score_change: FiniteFloat | None = Field(
        default=None,
        description="Measured change of the mean quality score; without it no claim on quality.",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.deployments is not None and self.tiers is not None:
            raise ValueError("give deployments or tiers, not both")
        if not self.model_dump(exclude_defaults=True, exclude={"deployments", "tiers"}):
            raise ValueError("change something: facts, factors, speculative or another factor")
        return self
