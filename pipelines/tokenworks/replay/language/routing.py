"""The language's section `routing`: which tier answers which request.

Its levers combine in this order: the first rule that matches decides; a score decides over what no
rule names; load spills over from where it is high; a cascade asks again where a first answer is
rejected; a canary confines all of it to a share of the requests.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from tokenworks.replay.language.base import Bounds, Match, Names, Strict

Share = Annotated[float, Field(ge=0, le=1)]
Tier = Annotated[str, Field(min_length=1)]


class Arrival(Match):
    """Requests that meet every condition; only what is known when a request arrives."""

    emitter: Names | None = Field(default=None, description="Program that logged the request.")
    hour_utc: Bounds | None = Field(
        default=None, description="Hour of arrival, 0 to 23, UTC: bounds, as of a number of tokens."
    )


class Rule(Strict):
    """One rule of an ordered list."""

    when: Arrival = Field(description="Requests that it names; at least one condition.")
    to_tier: Tier | None = Field(
        default=None, description="Tier that serves them, in their own region."
    )
    keep: bool = Field(
        default=False, description="true: they stay where they are, and no later rule names them."
    )

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.when.is_everything:
            raise ValueError("when: name at least one condition")
        if (self.to_tier is None) != self.keep:
            raise ValueError("give either to_tier or keep: true")
        return self


class ByScore(Strict):
    """A score of each request decides between two tiers; a high one asks for the strong tier."""

    column: str = Field(
        min_length=1,
        description="Number known at arrival: a column of `file`, or input_total_tokens.",
    )
    file: str | None = Field(
        default=None, description="CSV or Parquet with request_id and the column, by its path."
    )
    weak_tier: Tier = Field(description="Serves requests below the threshold.")
    strong_tier: Tier = Field(description="Serves requests from the threshold on.")
    when: Arrival = Field(
        default=Arrival(), description="Requests that it decides over; all of both tiers if absent."
    )
    threshold: FiniteFloat | None = Field(default=None, description="The threshold itself.")
    share_to_strong: Share | None = Field(
        default=None, description="Fit the threshold: at most this share goes to the strong tier."
    )
    quality_at_least: FiniteFloat | None = Field(
        default=None,
        description="Fit the threshold: smallest share whose mean score on paired labels is this.",
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        given = (self.threshold, self.share_to_strong, self.quality_at_least)
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of threshold, share_to_strong, quality_at_least")
        if self.weak_tier == self.strong_tier:
            raise ValueError("weak_tier and strong_tier are the same")
        return self


class Verification(Strict):
    """How well first answers are judged; hit_rate 1 with false_accept_rate 0 is a bound."""

    hit_rate: Share = Field(description="Share of good first answers that are accepted.")
    false_accept_rate: Share = Field(description="Share of bad first answers that are accepted.")
    seconds: FiniteFloat = Field(default=0.0, ge=0, description="How long a verification takes.")
    right_at: FiniteFloat = Field(
        default=1.0,
        description="Score from which a first answer is good, where labels say: a share of its "
        "scale where the labels state one.",
    )
    first_answer_right: Share | None = Field(
        default=None,
        description="Share of first answers that are good, where labels do not say which are.",
    )


class Cascading(Strict):
    """A first tier answers; where the verifier rejects the answer, a second one does too."""

    when: Arrival = Field(
        default=Arrival(), description="Requests that it takes; all of both tiers if absent."
    )
    first_tier: Tier = Field(description="Gives the first answer.")
    second_tier: Tier = Field(description="Gives the second answer.")
    verifier: Verification = Field(description="Accepts or rejects first answers.")
    keep: Literal["second", "better"] = Field(
        default="second",
        description="Answer of a request that escalates: the second, or the better of both, a bound.",
    )

    @model_validator(mode="after")
    def _two_tiers(self) -> Self:
        if self.first_tier == self.second_tier:
            raise ValueError("first_tier and second_tier are the same")
        return self


class Spill(Strict):
    """Requests go elsewhere while their deployment is busy."""

    from_tier: Tier = Field(description="Tier whose deployments spill.")
    to_tier: Tier = Field(description="Tier that takes over, in the same region.")
    when: Arrival = Field(default=Arrival(), description="Requests that may spill; all if absent.")
    in_flight_per_replica: int | None = Field(
        default=None, ge=1, description="Spill from this many running and waiting per replica on."
    )
    waiting_per_replica: int | None = Field(
        default=None, ge=0, description="Spill while more than this many wait per replica."
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.in_flight_per_replica is None) == (self.waiting_per_replica is None):
            raise ValueError("give exactly one of in_flight_per_replica, waiting_per_replica")
        if self.from_tier == self.to_tier:
            raise ValueError("from_tier and to_tier are the same")
        return self


class Canary(Strict):
    """The share of the traffic that the routing holds for; the rest stays as it is."""

    share: Share = Field(description="Share of requests (or sessions, or tenants).")
    by: Literal["request", "session", "tenant"] = Field(
        default="request", description="What is drawn as a whole; without a session, the request."
    )


class TierRouting(Strict):
    """Which tier answers which request."""

    rules: list[Rule] = Field(default=[], description="In order; the first that matches decides.")
    score: ByScore | None = Field(default=None, description="Decides over what no rule names.")
    cascade: Cascading | None = Field(default=None, description="Asks again where need be.")
    spill: Spill | None = Field(default=None, description="Sends requests elsewhere under load.")
    canary: Canary | None = Field(default=None, description="Confines it to a share.")
    output_tokens: Literal["recorded", "target"] = Field(
        default="recorded",
        description="Output of a request that moves: as recorded, or at its own rank among the "
        "outputs that the target's tier has written for inputs of such a length.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.rules or self.score or self.cascade or self.spill):
            raise ValueError("give at least one of rules, score, cascade, spill")
        return self


class Quality(Strict):
    """What the result may say of quality, and from what.

    Without a file it is the log itself, where that has `quality_score` and `routing_propensity`.
    """

    labels: str | None = Field(
        default=None,
        description="CSV, Parquet or JSON Lines with request_id, model and score: answers of "
        "several models to the same requests.",
    )
    judged: str | None = Field(
        default=None,
        description="The same kind of file with request_id, score and propensity: the probability "
        "with which the model that answered was chosen. Without propensity, and without the file, "
        "what the log has of them.",
    )
    claim: Literal["if_possible", "required"] = Field(
        default="if_possible",
        description="required: the scenario is refused where nothing supports a claim.",
    )
