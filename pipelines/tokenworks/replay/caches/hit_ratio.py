"""Prefix hit ratios, each by its named definition.

B: blocks of leading cached runs over all blocks. T: tokens of those blocks over input tokens,
the last block counted with the tokens it really holds. P: mean over requests of each request's
T. Each over the whole window or over its last half (by requests, the extra one of an odd number
in the last half).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HitRatios:
    """Ratios of one window; null where nothing was asked."""

    blocks_ratio: float | None
    tokens_ratio: float | None
    request_mean_ratio: float | None
    hit_tokens: int
    input_tokens: int


def tokens_of_runs(runs: Ints, block_tokens: int, input_tokens: Ints) -> Ints:
    """Tokens that leading runs of blocks hold; the last block of a prompt may be partial."""
    tokens: Ints = np.minimum(runs * np.int64(block_tokens), input_tokens)
    return tokens


def hit_ratios(runs: Ints, blocks: Ints, hit_tokens: Ints, input_tokens: Ints) -> HitRatios:
    """Ratios B, T and P over the requests given."""
    block_total, token_total = int(blocks.sum()), int(input_tokens.sum())
    asked = input_tokens > 0
    shares = hit_tokens[asked] / input_tokens[asked]
    return HitRatios(
        blocks_ratio=int(runs.sum()) / block_total if block_total else None,
        tokens_ratio=int(hit_tokens.sum()) / token_total if token_total else None,
        request_mean_ratio=float(shares.mean()) if shares.size else None,
        hit_tokens=int(hit_tokens.sum()),
        input_tokens=token_total,
    )


def last_half(count: int) -> slice:
    """The last half of `count` requests."""
    return slice(count // 2, count)


def ratio_by_group(hits: Ints, asked: Ints, groups: Ints) -> Floats:
    """Hits over asked of each group, such as a session; NaN where a group asked nothing.

    Args:
        hits: blocks or tokens that hit, by request.
        asked: blocks or tokens, by request.
        groups: group of each request, from 0.
    """
    count = int(groups.max()) + 1 if len(groups) else 0
    total = np.bincount(groups, asked, count)
    hit = np.bincount(groups, hits, count)
    ratios: Floats = np.divide(hit, total, out=np.full(count, np.nan), where=total > 0)
    return ratios
