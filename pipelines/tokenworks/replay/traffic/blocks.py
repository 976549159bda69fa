"""Reads prompts as runs of block ids from the logged prefix hashes, or says why it cannot."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.spool import kept, let_go, room
from tokenworks.replay.traffic.columns import NUMBERS_AT_ONCE, Columns
from tokenworks.replay.traffic.numbering import Numbering
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks.replay.traffic.requests import COMPLETE_LOG_RATIO, Traffic
from tokenworks.replay.traffic.sampling import why_sampled

Ints = NDArray[np.int64]

#: Share of input tokens that must carry hashes for caches to be simulated.
HASHED_TOKENS_RATIO = 0.99
WHAT_TO_LOG = (
    "Log `prefix_block_hashes` (hash of each leading block of the prompt, chained so that equal "
    "hash means equal prefix) with `prefix_block_tokens` for every request, or for a sample of "
    "whole conversations, said so by `prefix_cache.sampled_roots_ratio`."
)


def why_no_blocks(traffic: Traffic, are_roots_whole: bool = False) -> str | None:
    """Why caches cannot be simulated on this traffic, or null.

    Args:
        traffic: published traffic.
        are_roots_whole: whether the log is known to be a sample of whole prefix roots, which
            keeps reuse though requests are missing.
    """
    found = read_blocks(traffic, are_roots_whole)
    return found if isinstance(found, str) else None


def check_blocks(
    traffic: Traffic,
    asked_block_tokens: int | None = None,
    are_roots_whole: bool = False,
    prompts: Prompts | None = None,
) -> None:
    """Refuse where prompts cannot be replayed as blocks, of a given size where asked.

    Args:
        traffic: published traffic.
        asked_block_tokens: the size; null for any.
        are_roots_whole: as in `why_no_blocks`.
        prompts: the blocks, where they have been read already.

    Raises:
        LeverRefusedError: the traffic lacks usable hashes; the message says what to log.
    """
    found = prompts or read_blocks(traffic, are_roots_whole)
    if isinstance(found, str):
        raise LeverRefusedError("prefix_cache", found, WHAT_TO_LOG)
    if asked_block_tokens not in (None, found.block_tokens):
        raise LeverRefusedError(
            "prefix_cache.block_tokens",
            f"the log hashes blocks of {found.block_tokens} tokens, not {asked_block_tokens}.",
            "Leave block_tokens out, or log hashes of the size that you ask for.",
        )


def read_blocks(traffic: Traffic, are_roots_whole: bool = False) -> Prompts | str:
    """Blocks of the traffic, or why caches cannot be simulated on it; as `why_no_blocks`."""
    ratio = traffic.hashed_tokens_ratio or 0.0
    if ratio == 0.0:
        return "no request of the traffic has prefix hashes, so what it could reuse is unknown."
    if ratio < HASHED_TOKENS_RATIO:
        return f"only {ratio:.1%} of the input tokens have prefix hashes; a part is not a sample."
    pieces = traffic.columns.slices("prefix_block_tokens", at_once=NUMBERS_AT_ONCE)
    sizes = sorted({size for _, part in pieces for size in part.to_series().drop_nulls().unique()})
    if len(sizes) > 1:
        return f"hashes of several block sizes ({sizes}) cannot be compared."
    coverage = traffic.token_coverage
    if not are_roots_whole and coverage is not None and coverage < COMPLETE_LOG_RATIO:
        return (
            f"the log holds {coverage:.1%} of the input tokens that the engines counted: it is "
            "sampled, and sampling destroys reuse."
        )
    prompts, hashes = prompts_in(traffic.columns, int(sizes[0]))
    recorded = traffic.numbers("input_cache_read_tokens")
    return why_sampled(prompts, hashes, recorded, are_roots_whole) or prompts


def prompts_in(columns: Columns, block_tokens: int) -> tuple[Prompts, Ints]:
    """Blocks of logged prompts, and the hash of each block id.

    Args:
        columns: requests in order of arrival.
        block_tokens: tokens per block.
    """
    hashes, size = "prefix_block_hashes", pl.col("prefix_block_tokens")
    known = columns.numbers(pl.col(hashes).is_not_null() & size.is_not_null(), np.bool_)
    tokens = columns.numbers(pl.col("input_total_tokens").cast(pl.Int64), np.int64)
    counts = columns.numbers(pl.col(hashes).list.len().fill_null(0).cast(pl.Int64), np.int64)
    offsets = kept(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64, copy=False))
    ids, numbering = room(int(offsets[-1]), np.int32), Numbering()
    for place, part in columns.slices(hashes):
        flat = part[hashes].filter(counts[place] > 0).explode().to_numpy()
        ids[offsets[place.start] : offsets[place.stop]] = numbering.of(flat)
        let_go()
    return Prompts(
        ids=ids,
        offsets=offsets,
        block_count=numbering.count,
        block_tokens=block_tokens,
        input_tokens=tokens,
        known=known,
    ), numbering.hashes
