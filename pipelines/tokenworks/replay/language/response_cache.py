"""The language's sections `response_cache` and `semantic_cache`: answers kept at the gateway.

Neither is the engine's prefix cache: a hit here avoids the whole attempt.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tokenworks.replay.language.base import Match, Strict

Ratio = Annotated[float, Field(ge=0, le=1)]
KeyColumn = Literal[
    "prompt_fingerprint", "model", "model_requested", "tenant_id", "tier", "region", "site_id"
]


class ResponseCache(Strict):
    """An exact cache: a request whose key was answered before gets that answer."""

    key: list[KeyColumn] = Field(
        default=["prompt_fingerprint", "model"],
        min_length=1,
        description="Columns that must all be equal; with tenant_id nobody gets another's answer.",
    )
    when: Match = Field(default=Match(), description="Requests that may be answered from it.")
    ttl_seconds: float | None = Field(
        default=None, gt=0, description="Life of an answer; without it answers stay."
    )
    capacity_answers: int | None = Field(
        default=None, ge=0, description="Answers that it holds; without it there is no limit."
    )
    policy: Literal["lru", "fifo"] = Field(
        default="lru", description="What leaves a full cache: the least recently used, the oldest."
    )

    @model_validator(mode="after")
    def _knows_the_prompt(self) -> Self:
        if "prompt_fingerprint" not in self.key:
            raise ValueError("key: must hold prompt_fingerprint; without it other prompts match")
        if len(set(self.key)) < len(self.key):
            raise ValueError("key: names a column twice")
        return self


class MeasuredPoint(Strict):
    """What a semantic cache does at one threshold, measured on your own questions."""

    threshold: float = Field(ge=-1, le=1, description="Least similarity at which it answers.")
    hit_ratio: Ratio = Field(description="Hits, false ones included, over requests asked.")
    false_hit_ratio: Ratio = Field(description="False hits over requests asked.")

    @model_validator(mode="after")
    def _part_of_the_hits(self) -> Self:
        if self.false_hit_ratio > self.hit_ratio:
            raise ValueError("false_hit_ratio: part of hit_ratio, so at most as large")
        return self


class SemanticCache(Strict):
    """A semantic cache: a request may get the answer to a similar earlier question."""

    curve: list[MeasuredPoint] = Field(
        min_length=1, description="Measured points; `false_hit_budget` or `threshold` picks one."
    )
    threshold: float | None = Field(default=None, description="One of the curve's thresholds.")
    false_hit_budget: Ratio | None = Field(
        default=None, description="False hits over requests asked that are accepted."
    )
    when: Match = Field(default=Match(), description="Requests that may be answered from it.")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.threshold is None) == (self.false_hit_budget is None):
            raise ValueError("give exactly one of threshold, false_hit_budget")
        thresholds = [point.threshold for point in self.curve]
        if len(set(thresholds)) < len(thresholds):
            raise ValueError("curve: names a threshold twice")
        if self.threshold is not None and self.threshold not in thresholds:
            known = ", ".join(f"{value:g}" for value in thresholds)
            raise ValueError(f"threshold: {self.threshold:g} is none of the curve's ({known})")
        budget = self.false_hit_budget
        least = min(point.false_hit_ratio for point in self.curve)
        if budget is not None and least > budget:
            raise ValueError(
                f"false_hit_budget: {budget:g} is below every point of the curve (least {least:g})"
            )
        return self
