"""How a deployment's cost is split between its requests, as `fleet.yaml` says it.

Belongs here: the names of the methods, what each needs to know, and the facts of a model. The
formulas are in `dbt/models/intermediate/costs`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal[
    "tokens",
    "uncached-tokens",
    "time-in-batch",
    "equal-share",
    "flops",
    "bytes",
    "phase-weighted",
    "price-weighted",
    "shapley-peak",
]
WeightSource = Literal["auto", "stated", "measured", "fitted"]
Headroom = Literal["measure", "idle"]

# Compute slices of a MIG profile and its memory in gigabytes, for example 3g.40gb.
_MIG = re.compile(r"^(?P<slices>[1-7])g\.(?P<gigabytes>\d+)gb(?:\+\w+)?$")
MIG_SLICES = 7


class Weights(BaseModel):
    """Phase weights of the cost allocation, in GPU-seconds per token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefill_seconds_per_token: float = Field(gt=0)
    decode_seconds_per_token: float = Field(gt=0)
    cache_read_seconds_per_token: float = Field(0.0, ge=0)


class ModelFacts(BaseModel):
    """What a model is made of: what FLOPs and bytes are counted from.

    Attributes:
        parameters_active: parameters that one token passes, embeddings left out.
        parameters_total: parameters that lie in memory.
        layers, heads, kv_heads, head_dim: the attention.
        hidden, vocabulary: the unembedding.
        bytes_per_weight: 2 for bf16, 1 for fp8 and int8, 0.5 for four bits.
        bytes_per_kv_value: of one number in the KV cache.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters_active: int | None = Field(None, gt=0)
    parameters_total: int | None = Field(None, gt=0)
    layers: int | None = Field(None, gt=0)
    heads: int | None = Field(None, gt=0)
    kv_heads: int | None = Field(None, gt=0)
    head_dim: int | None = Field(None, gt=0)
    hidden: int | None = Field(None, gt=0)
    vocabulary: int | None = Field(None, gt=0)
    bytes_per_weight: float | None = Field(None, gt=0)
    bytes_per_kv_value: float | None = Field(None, gt=0)


NEEDED_FACTS: Mapping[str, tuple[str, ...]] = {
    "flops": ("parameters_active", "layers", "heads", "head_dim", "hidden", "vocabulary"),
    "bytes": (
        "parameters_total",
        "layers",
        "kv_heads",
        "head_dim",
        "bytes_per_weight",
        "bytes_per_kv_value",
    ),
}


def lacking(method: Method, facts: ModelFacts | None) -> list[str]:
    """Facts of the model that the method needs and that are not stated.

    >>> lacking("flops", ModelFacts(parameters_active=8_000_000_000, layers=32, heads=32, head_dim=128))
    ['hidden', 'vocabulary']
    >>> lacking("tokens", None)
    []
    """
    return [name for name in NEEDED_FACTS.get(method, ()) if getattr(facts, name, None) is None]


def mig_share(profile: str, memory_gigabytes: float) -> tuple[int, float]:
    """Compute slices of a MIG profile, and the share of the GPU that it takes: by compute slices of
    seven, or by memory where that is the larger part.

    >>> mig_share("3g.40gb", 80)
    (3, 0.5)
    >>> mig_share("2g.10gb", 80)
    (2, 0.285714)

    Raises:
        ValueError: it is no profile, or it has more memory than the GPU.
    """
    found = _MIG.match(profile)
    if found is None:
        raise ValueError(f"{profile!r} is no MIG profile, for example 3g.40gb")
    slices, gigabytes = int(found["slices"]), int(found["gigabytes"])
    if gigabytes > memory_gigabytes:
        raise ValueError(f"{profile!r} has more memory than a GPU of {memory_gigabytes:g} GB")
    return slices, round(max(slices / MIG_SLICES, gigabytes / memory_gigabytes), 6)
