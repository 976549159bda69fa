"""Whether a log holds every request, as far as its prompts can tell, and samples that keep reuse.

A prompt hits what earlier prompts left behind. A log sampled by request lost most of those: on a
public trace a hit ratio of 37.4 % becomes about 11 % at one request in ten. A sample of whole
prefix roots (all prompts that begin alike, such as conversations) keeps the ratio, on caches that
are smaller by the same share.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.hit_ratio import last_half, tokens_of_runs
from tokenworks.replay.caches.policies import runs_of
from tokenworks.replay.routing.draws import luck
from tokenworks.replay.spool import kept, let_go
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks_sources.jit import kernel

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Share of counted-through block numbers that may never appear; failed requests leave some out.
MISSING_NUMBERS_RATIO = 0.10
#: Share of the recorded hits of the last half that may have no source in the log. On the public
#: trace a window that starts cold has at most 0.12, a log of every second request 0.16 or more.
UNEXPLAINED_HITS_RATIO = 0.15
#: Conversations that went on, below which numbers that count blocks are not told from others.
LEAST_LEAPS = 20
#: A block in more than this share of the prompts, and more than a few, belongs to none of them.
HUB_RATIO = 0.01
HUB_PROMPTS = 5


def missing_numbers_ratio(hashes: Ints, offsets: Ints) -> float | None:
    """Share of the block numbers in range that no prompt shows.

    Some emitters name blocks by counting: each new block takes the next number. Where requests
    are missing, so are the numbers that they took. The widest gap does not count: it is the step
    from a block that every prompt shares to the numbers of the window's time.

    Args:
        hashes: block hashes of all prompts, in order of arrival.
        offsets: start of each prompt in `hashes`, and the end of the last.

    Returns:
        The share, or null where the hashes are no such numbers.
    """
    if not _counts_blocks(hashes, offsets):
        return None
    highest = np.maximum.accumulate(hashes)
    is_new = hashes[1:] > highest[:-1]
    step = hashes[1:].astype(np.float64) - highest[:-1]
    shown, widest = int(is_new.sum()), float(step[is_new].max())
    return 1.0 - shown / (float(step[is_new].sum()) - widest + 1.0)


def _counts_blocks(hashes: Ints, offsets: Ints) -> bool:
    """Whether blocks are numbered through as they appear.

    Then new blocks of one prompt follow each other, and a conversation that goes on leaps from
    its old numbers to the newest. Numbers that leave room for each conversation do not leap.
    """
    if len(hashes) < 2:
        return False
    starts = np.zeros(len(hashes), dtype=np.bool_)
    starts[offsets[:-1][np.diff(offsets) > 0]] = True
    inside = ~starts[1:]
    step = hashes[1:].astype(np.float64) - hashes[:-1]
    leaps = int((inside & (step > 1) & _are_own(hashes, len(offsets) - 1)[:-1]).sum())
    follow = int((inside & (step == 1)).sum())
    return leaps >= LEAST_LEAPS and follow > leaps and follow * 2 > int(inside.sum())


@kernel
def _follow_each_other(ids: Ids, hashes: Ints, offsets: Ints) -> bool:
    """Whether most blocks inside of prompts have the number after that of the block before them.

    Args:
        ids: blocks of all prompts.
        hashes: hash of each id.
        offsets: start of each prompt in `ids`, and the end of the last.
    """
    inside, follow = 0, 0
    for prompt in range(offsets.size - 1):
        for place in range(offsets[prompt] + 1, offsets[prompt + 1]):
            inside += 1
            follow += hashes[ids[place]] - 1 == hashes[ids[place - 1]]
    return follow * 2 > inside


def _are_own(hashes: Ints, prompts: int) -> Mask:
    """Blocks that few prompts share."""
    _, dense, uses = np.unique(hashes, return_inverse=True, return_counts=True)
    own: Mask = uses[dense] <= max(HUB_PROMPTS, HUB_RATIO * prompts)
    return own


def unexplained_hits_ratio(
    seen: Mask, offsets: Ints, block_tokens: int, input_tokens: Ints, recorded: Floats
) -> float | None:
    """Share of the recorded hits of the last half that no earlier prompt of the log explains.

    The most that a prompt can hit is its leading run of blocks that an earlier prompt had; an
    engine with smaller blocks may find part of one block more.

    Args:
        seen: blocks of all prompts, in order of arrival, that an earlier one had.
        offsets: start of each prompt in `seen`, and the end of the last.
        block_tokens: tokens per block.
        input_tokens: tokens of each prompt.
        recorded: cached tokens of each request as logged; NaN where unknown.

    Returns:
        The share, or null where no hits are recorded.
    """
    runs, _ = runs_of(seen, offsets)
    most = tokens_of_runs(runs, block_tokens, input_tokens) + block_tokens
    window = last_half(len(runs))
    said = np.nan_to_num(recorded[window])
    total = float(said.sum())
    return float(np.maximum(said - most[window], 0).sum()) / total if total > 0 else None


def prefix_roots(hashes: Ints, offsets: Ints) -> Ints:
    """Where the prompts part ways: the first block of each that few others share.

    Args:
        hashes: block hashes of all prompts.
        offsets: start of each prompt in `hashes`, and the end of the last.

    Returns:
        A hash per prompt: its first block in at most `HUB_RATIO` of the prompts, else its last
        block, or 0 for a prompt without blocks.
    """
    counts = np.diff(offsets)
    before = np.concatenate([[0], np.cumsum(_are_own(hashes, len(counts)))])
    first_own = np.searchsorted(before, before[offsets[:-1]] + 1) - 1
    roots = np.zeros(len(counts), dtype=np.int64)
    some = counts > 0
    roots[some] = hashes[np.minimum(first_own, offsets[1:] - 1)[some]]
    return roots


def root_sample(hashes: Ints, offsets: Ints, share: float, seed: int) -> Mask:
    """Prompts of a sample that keeps whole prefix roots, each with probability `share`."""
    roots = pl.Series(prefix_roots(hashes, offsets))
    kept: Mask = luck(roots, seed, "root_sample") < share
    return kept


def why_sampled(
    prompts: Prompts, hashes: Ints, recorded: Floats, are_roots_whole: bool
) -> str | None:
    """Why requests seem to be missing from a log, or null.

    Args:
        prompts: blocks of the requests in order of arrival, ids counted in that order.
        hashes: hash of each id.
        recorded: cached tokens of each request as logged; NaN where unknown.
        are_roots_whole: whether the log is known to be a sample of whole prefix roots, so that
            missing numbers are expected and missing sources are not.
    """
    offsets = prompts.offsets
    missing = None
    if not are_roots_whole and _follow_each_other(prompts.ids, hashes, offsets):
        missing = missing_numbers_ratio(kept(hashes[prompts.ids]), offsets)
    if missing is not None and missing > MISSING_NUMBERS_RATIO:
        return (
            f"its hashes count blocks through, and {missing:.1%} of the numbers never appear: "
            "requests are missing, and sampling by request destroys reuse."
        )
    let_go()
    unexplained = unexplained_hits_ratio(
        _seen(prompts.ids),
        offsets,
        prompts.block_tokens,
        prompts.input_tokens,
        np.where(prompts.counts > 0, recorded, np.nan),
    )
    if unexplained is not None and unexplained > UNEXPLAINED_HITS_RATIO:
        return (
            f"{unexplained:.1%} of the cached tokens recorded in its last half have no earlier "
            "prompt in the log that could have left them: requests are missing, and sampling by "
            "request destroys reuse."
        )
    return None


@kernel
def _seen(ids: Ids) -> Mask:
    """Blocks that came before, where ids are counted in order of appearance."""
    seen = np.ones(ids.size, dtype=np.bool_)
    highest = -1
    for place in range(ids.size):
        if ids[place] > highest:
            highest = ids[place]
            seen[place] = False
    return seen
