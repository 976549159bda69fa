"""The language's section `prefix_cache`: the engine's KV cache of prompt prefixes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tokenworks.replay.language.base import Strict


class LowerTier(Strict):
    """A tier below GPU memory, such as host memory or disk."""

    capacity_tokens: int | None = Field(default=None, ge=0, description="Tokens that it holds.")
    capacity_gib: float | None = Field(default=None, ge=0, description="GiB that it holds.")

    @model_validator(mode="after")
    def _one_capacity(self) -> Self:
        if (self.capacity_tokens is None) == (self.capacity_gib is None):
            raise ValueError("give exactly one of capacity_tokens, capacity_gib")
        return self


class PrefixCache(Strict):
    """A KV prefix cache of one size per cache."""

    capacity_tokens: int | None = Field(default=None, ge=0, description="Tokens one cache holds.")
    capacity_gib: float | None = Field(default=None, ge=0, description="GiB one cache holds.")
    kv_bytes_per_token: float | None = Field(default=None, gt=0, description="For capacity_gib.")
    capacity_factor: float | None = Field(
        default=None, ge=0, description="Times the capacity that the recorded hits imply."
    )
    block_tokens: int | None = Field(
        default=None, ge=1, description="Must equal the block size of the logged hashes."
    )
    policy: Literal["lru", "lfu", "fifo", "sieve", "s3fifo", "arc", "belady"] = Field(
        default="lru", description="What leaves a full cache; belady knows the future: a bound."
    )
    eviction: Literal["flat", "trie"] = Field(
        default="flat",
        description="flat: any block may leave. trie: only a block that no held prefix goes on "
        "from, and none of the running request's.",
    )
    ttl_seconds: float | None = Field(
        default=None,
        gt=0,
        description="Life of a block; API providers keep 300 or 3600. Without a capacity only "
        "time counts.",
    )
    ttl_refreshed_on_use: bool = Field(
        default=True, description="Whether a hit starts a block's life anew."
    )
    lower_tiers: list[LowerTier] = Field(
        default=[], max_length=4, description="Tiers below, nearest first, of each cache."
    )
    spill: Literal["demote", "write_through"] = Field(
        default="demote",
        description="demote: what a tier gives up goes to the next. write_through: what is "
        "computed is written to every tier at once.",
    )
    scope: Literal["replica", "deployment", "global"] = Field(
        default="replica",
        description="What shares one cache: a replica, a deployment's pool, or all of one model.",
    )
    sampled_roots_ratio: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Below 1: the log is a sample of whole conversations or prefix roots by this "
        "share, so caches of a stated size are replayed smaller by it.",
    )

    @property
    def is_root_sample(self) -> bool:
        """Whether the log holds a part of the conversations, each whole."""
        return self.sampled_roots_ratio < 1

    @model_validator(mode="after")
    def _one_capacity(self) -> Self:
        given = (self.capacity_tokens, self.capacity_gib, self.capacity_factor)
        count = sum(value is not None for value in given)
        if count > 1 or (count == 0 and self.ttl_seconds is None):
            raise ValueError("give exactly one of capacity_tokens, capacity_gib, capacity_factor")
        in_gib = self.capacity_gib is not None or any(
            tier.capacity_gib is not None for tier in self.lower_tiers
        )
        if in_gib != (self.kv_bytes_per_token is not None):
            raise ValueError("capacity_gib and kv_bytes_per_token go together")
        if self.capacity_factor is not None and self.scope != "replica":
            raise ValueError("capacity_factor needs scope: replica, where the history is measured")
        return self

    @model_validator(mode="after")
    def _known_combination(self) -> Self:
        if self.eviction == "trie" and self.policy not in ("lru", "belady"):
            raise ValueError("eviction: trie goes with policy lru or belady")
        kinds = (self.eviction == "trie", self.ttl_seconds is not None, bool(self.lower_tiers))
        if sum(kinds) > 1:
            raise ValueError("eviction: trie, ttl_seconds and lower_tiers exclude each other")
        if self.policy != "lru" and any(kinds[1:]):
            raise ValueError("ttl_seconds and lower_tiers go with policy lru")
        return self
