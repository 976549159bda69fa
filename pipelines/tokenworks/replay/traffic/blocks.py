"""Prompts as runs of block ids, taken from the logged prefix hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.traffic.requests import COMPLETE_LOG_RATIO, Traffic
from tokenworks.replay.traffic.sampling import why_sampled

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]

#: Share of input tokens that must carry hashes for caches to be simulated.
HASHED_TOKENS_RATIO = 0.99
WHAT_TO_LOG = (
    "Log `prefix_block_hashes` (hash of each leading block of the prompt, chained so that equal "
    "hash means equal prefix) with `prefix_block_tokens` for every request, or for a sample of "
    "whole conversations, said so by `prefix_cache.sampled_roots_ratio`."
)


@dataclass(frozen=True)
class Prompts:
    """Blocks of prompts, flat.

    Attributes:
        ids: dense block ids, prompt after prompt.
        offsets: start of each prompt in `ids`, and the end of the last.
        block_count: number of distinct ids.
        block_tokens: tokens per block.
        input_tokens: tokens of each prompt.
        known: prompts whose hashes were logged.
    """

    ids: Ids
    offsets: Ints
    block_count: int
    block_tokens: int
    input_tokens: Ints
    known: Mask

    @property
    def counts(self) -> Ints:
        """Blocks of each prompt."""
        return np.diff(self.offsets)

    def take(self, rows: Ints) -> Prompts:
        """The prompts at `rows`, in that order; ids keep their meaning."""
        counts = self.counts[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        shift = np.repeat(self.offsets[rows] - offsets[:-1], counts)
        return Prompts(
            ids=self.ids[shift + np.arange(offsets[-1])],
            offsets=offsets,
            block_count=self.block_count,
            block_tokens=self.block_tokens,
            input_tokens=self.input_tokens[rows],
            known=self.known[rows],
        )

    def tokens_so_far(self) -> Ints:
        """Tokens of each prompt up to and with each of its blocks."""
        order = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.counts)
        whole = np.repeat(self.input_tokens, self.counts)
        tokens: Ints = np.minimum((order + 1) * self.block_tokens, whole)
        return tokens

    def tokens_per_block(self) -> Ints:
        """Tokens of each entry of `ids`; the last block of a prompt may be partial."""
        order = np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.counts)
        left = np.repeat(self.input_tokens, self.counts) - order * self.block_tokens
        tokens: Ints = np.clip(left, 0, self.block_tokens)
        return tokens


def why_no_blocks(traffic: Traffic, are_roots_whole: bool = False) -> str | None:
    """Why caches cannot be simulated on this traffic, or null.

    Args:
        traffic: published traffic.
        are_roots_whole: whether the log is known to be a sample of whole prefix roots, which
            keeps reuse though requests are missing.
    """
    ratio = traffic.hashed_tokens_ratio or 0.0
    if ratio == 0.0:
        return "no request of the traffic has prefix hashes, so what it could reuse is unknown."
    if ratio < HASHED_TOKENS_RATIO:
        return f"only {ratio:.1%} of the input tokens have prefix hashes; a part is not a sample."
    sizes = traffic.frame["prefix_block_tokens"].drop_nulls().unique().sort().to_list()
    if len(sizes) > 1:
        return f"hashes of several block sizes ({sizes}) cannot be compared."
    coverage = traffic.token_coverage
    if not are_roots_whole and coverage is not None and coverage < COMPLETE_LOG_RATIO:
        return (
            f"the log holds {coverage:.1%} of the input tokens that the engines counted: it is "
            "sampled, and sampling destroys reuse."
        )
    recorded = traffic.numbers("input_cache_read_tokens")
    return why_sampled(traffic.frame, int(sizes[0]), recorded, are_roots_whole)


def check_blocks(
    traffic: Traffic, asked_block_tokens: int | None = None, are_roots_whole: bool = False
) -> None:
    """Refuse where prompts cannot be replayed as blocks, of a given size where asked.

    Raises:
        LeverRefusedError: the traffic lacks usable hashes; the message says what to log.
    """
    why = why_no_blocks(traffic, are_roots_whole)
    if why is not None:
        raise LeverRefusedError("prefix_cache", why, WHAT_TO_LOG)
    block_tokens = int(traffic.frame["prefix_block_tokens"].drop_nulls()[0])
    if asked_block_tokens not in (None, block_tokens):
        raise LeverRefusedError(
            "prefix_cache.block_tokens",
            f"the log hashes blocks of {block_tokens} tokens, not {asked_block_tokens}.",
            "Leave block_tokens out, or log hashes of the size that you ask for.",
        )


def prompts_of(traffic: Traffic, are_roots_whole: bool = False) -> Prompts:
    """Blocks of the traffic.

    Raises:
        LeverRefusedError: the traffic lacks usable hashes; the message says what to log.
    """
    check_blocks(traffic, are_roots_whole=are_roots_whole)
    frame = traffic.frame.select("prefix_block_hashes", "prefix_block_tokens")
    block_tokens = int(frame["prefix_block_tokens"].drop_nulls()[0])
    known = frame.select(
        pl.col("prefix_block_hashes").is_not_null() & pl.col("prefix_block_tokens").is_not_null()
    ).to_series()
    hashes = frame["prefix_block_hashes"]
    counts = hashes.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    flat = hashes.filter(counts > 0).explode().to_numpy()
    distinct, ids = np.unique(flat, return_inverse=True)
    return Prompts(
        ids=ids.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        block_count=len(distinct),
        block_tokens=block_tokens,
        input_tokens=traffic.integers("input_total_tokens"),
        known=known.to_numpy(),
    )
