"""Caches that hold prefixes as a tree and give up leaves only.

An engine that keeps its cached prefixes in a radix tree cannot drop a block while a longer held
prefix hangs on it, nor the path of the request that runs. A prompt that finds no room for its
next block stops there.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel
from tokenworks.replay.serving.heap import pop_least, push_least

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Floats = NDArray[np.float64]

TriePolicy = Literal["lru", "belady"]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@kernel
def prefix_nodes(blocks: Ids, offsets: Ints) -> tuple[Ids, Ids]:
    """Number the distinct prefixes of all prompts.

    Two blocks are one node where they and everything before them in their prompts are equal.
    Where ids are chained hashes, nodes and ids are one to one.

    Args:
        blocks: block ids of all prompts.
        offsets: start of each prompt in `blocks`, and the end of the last.

    Returns:
        The node of each entry of `blocks`, from 0 in order of first appearance, and each node's
        parent, -1 for a first block.
    """
    size = np.int64(16)
    while size < 2 * blocks.size:
        size *= 2
    slots = np.full(size, -1, dtype=np.int32)
    nodes = np.empty(blocks.size, dtype=np.int32)
    parents = np.empty(blocks.size, dtype=np.int32)
    names = np.empty(blocks.size, dtype=np.int32)
    count = 0
    for prompt in range(offsets.size - 1):
        parent = np.int32(-1)
        for position in range(offsets[prompt], offsets[prompt + 1]):
            name = blocks[position]
            key = (np.uint64(parent + 1) << np.uint64(32)) | np.uint64(name)
            slot = np.int64((key * _MULTIPLIER) >> np.uint64(20)) & (size - 1)
            while slots[slot] >= 0:
                seen = slots[slot]
                if parents[seen] == parent and names[seen] == name:
                    break
                slot = (slot + 1) & (size - 1)
            if slots[slot] < 0:
                slots[slot] = count
                parents[count] = parent
                names[count] = name
                count += 1
            parent = slots[slot]
            nodes[position] = parent
    return nodes, parents[:count].copy()


def trie_runs(nodes: Ids, parents: Ids, offsets: Ints, capacity: int, policy: TriePolicy) -> Ints:
    """Leading run of hits of each prompt in a cache that gives up leaves only.

    Args:
        nodes: prefixes of all prompts, from `prefix_nodes`.
        parents: parent of each node.
        offsets: start of each prompt in `nodes`, and the end of the last.
        capacity: blocks that the cache holds.
        policy: lru gives up the leaf used longest ago; belady the one used furthest ahead, and
            keeps what it has where the new block comes back later still.
    """
    if capacity <= 0:
        return np.zeros(len(offsets) - 1, dtype=np.int64)
    knows_future = policy == "belady"
    following = _next_prompt(nodes, offsets, len(parents)) if knows_future else np.zeros(0)
    return _leaf_runs(nodes, parents, offsets, following, capacity, knows_future)


@kernel
def _next_prompt(nodes: Ids, offsets: Ints, node_count: int) -> Floats:
    """Number of the next prompt that uses the same node; infinity means never."""
    following = np.empty(nodes.size, dtype=np.float64)
    upcoming = np.full(node_count, np.inf)
    for prompt in range(offsets.size - 2, -1, -1):
        for position in range(offsets[prompt], offsets[prompt + 1]):
            following[position] = upcoming[nodes[position]]
        for position in range(offsets[prompt], offsets[prompt + 1]):
            upcoming[nodes[position]] = prompt
    return following


@kernel
def _evict_leaf(
    keys: Floats,
    names: Ints,
    size: int,
    current: Floats,
    children: Ids,
    parents: Ids,
    protects: Ids,
    prompt: int,
    worth: float,
) -> tuple[int, bool]:
    """Give up the first leaf of the heap that may go.

    Entries whose key is no longer that of a held leaf are stale and dropped. A leaf of the
    running request's path stays, and so does one that comes back before `worth`.

    Returns:
        The heap's new size, and whether a leaf went.
    """
    spared, gone = -1, False
    while size > 0 and not gone:
        node, key = -names[0], keys[0]
        pop_least(keys, names, size)
        size -= 1
        if current[node] != key or children[node] > 0:
            continue
        if protects[node] == prompt:
            spared = node
            continue
        if -key <= worth:
            push_least(keys, names, size, key, -node)
            size += 1
            break
        gone = True
        current[node] = np.nan
        over = parents[node]
        if over >= 0:
            children[over] -= 1
            if children[over] == 0:
                push_least(keys, names, size, current[over], -over)
                size += 1
    if spared >= 0:
        push_least(keys, names, size, current[spared], -spared)
        size += 1
    return size, gone


@kernel
def _leaf_runs(
    nodes: Ids, parents: Ids, offsets: Ints, following: Floats, capacity: int, knows_future: bool
) -> Ints:
    """Replay with a heap of leaves, keyed by last use or, negated, the next one.

    Only what was held when the prompt arrived is protected: of a prompt longer than the cache the
    newest block goes first, and the prompt stops there.
    """
    leading = np.zeros(offsets.size - 1, dtype=np.int64)
    children = np.zeros(parents.size, dtype=np.int32)
    protects = np.full(parents.size, -1, dtype=np.int32)
    current = np.full(parents.size, np.nan)
    keys = np.empty(2 * nodes.size + 2, dtype=np.float64)
    names = np.empty(2 * nodes.size + 2, dtype=np.int64)
    size = count = 0
    for prompt in range(offsets.size - 1):
        for position in range(offsets[prompt], offsets[prompt + 1]):
            node = nodes[position]
            if not np.isnan(current[node]):
                leading[prompt] += 1
                protects[node] = prompt
            else:
                if count == capacity:
                    worth = following[position] if knows_future else -np.inf
                    size, gone = _evict_leaf(
                        keys, names, size, current, children, parents, protects, prompt, worth
                    )
                    count -= gone
                over = parents[node]
                if count == capacity or (over >= 0 and np.isnan(current[over])):
                    break
                count += 1
                if over >= 0:
                    children[over] += 1
            current[node] = -following[position] if knows_future else position
            if children[node] == 0:
                push_least(keys, names, size, current[node], -node)
                size += 1
    return leading
