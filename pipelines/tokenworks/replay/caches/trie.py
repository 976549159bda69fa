"""Caches that hold prefixes as a tree and give up leaves only.

An engine that keeps its cached prefixes in a radix tree cannot drop a block while a longer held
prefix hangs on it, nor the path of the request that runs. A prompt that finds no room for its
next block stops there.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.heap import pop_key, push_key
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]

TriePolicy = Literal["lru", "belady"]

#: A leaf's key holds its rank above these bits and its node, counted down, in them.
NODE_BITS = 31
NODES = (1 << NODE_BITS) - 1
GONE = -1
NO_BOUND = 1 << 62

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
    ranks = (
        _ranks_by_next_use(nodes, offsets, len(parents))
        if knows_future
        else np.arange(len(nodes), dtype=np.int64)
    )
    return _leaf_runs(nodes, parents, offsets, ranks, capacity, knows_future)


@kernel
def _ranks_by_next_use(nodes: Ids, offsets: Ints, node_count: int) -> Ints:
    """Prompts between the next one that uses the same node and the end; 0 means never."""
    ranks = np.empty(nodes.size, dtype=np.int64)
    upcoming = np.zeros(node_count, dtype=np.int64)
    for prompt in range(offsets.size - 2, -1, -1):
        for position in range(offsets[prompt], offsets[prompt + 1]):
            ranks[position] = upcoming[nodes[position]]
        for position in range(offsets[prompt], offsets[prompt + 1]):
            upcoming[nodes[position]] = offsets.size - prompt
    return ranks


@kernel
def _evict_leaf(
    heap: Ints,
    size: int,
    keys: Ints,
    children: Ids,
    parents: Ids,
    protects: Ids,
    prompt: int,
    bound: int,
) -> tuple[int, bool]:
    """Give up the first leaf of the heap that may go.

    Entries that are no longer the key of a held leaf are stale and dropped. A leaf of the running
    request's path stays, and so does one that ranks no lower than `bound`.

    Returns:
        The heap's new size, and whether a leaf went.
    """
    spared, gone = GONE, False
    while size > 0 and not gone:
        key = heap[0]
        node = NODES - (key & NODES)
        size = pop_key(heap, size)
        if keys[node] != key or children[node] > 0:
            continue
        if protects[node] == prompt:
            spared = key
            continue
        if key >> NODE_BITS >= bound:
            size = push_key(heap, size, key)
            break
        gone = True
        keys[node] = GONE
        over = parents[node]
        if over >= 0:
            children[over] -= 1
            if children[over] == 0:
                size = push_key(heap, size, keys[over])
    if spared != GONE:
        size = push_key(heap, size, spared)
    return size, gone


@kernel
def _leaf_runs(
    nodes: Ids, parents: Ids, offsets: Ints, ranks: Ints, capacity: int, knows_future: bool
) -> Ints:
    """Replay with a heap of leaves; the key of a leaf is its rank, then the latest node first.

    Only what was held when the prompt arrived is protected: of a prompt longer than the cache the
    newest block goes first, and the prompt stops there.
    """
    leading = np.zeros(offsets.size - 1, dtype=np.int64)
    children = np.zeros(parents.size, dtype=np.int32)
    protects = np.full(parents.size, -1, dtype=np.int32)
    keys = np.full(parents.size, GONE, dtype=np.int64)
    heap = np.empty(2 * nodes.size + 2, dtype=np.int64)
    size = count = 0
    for prompt in range(offsets.size - 1):
        for position in range(offsets[prompt], offsets[prompt + 1]):
            node = nodes[position]
            if keys[node] != GONE:
                leading[prompt] += 1
                protects[node] = prompt
            else:
                if count == capacity:
                    bound = ranks[position] if knows_future else NO_BOUND
                    size, gone = _evict_leaf(
                        heap, size, keys, children, parents, protects, prompt, bound
                    )
                    count -= gone
                over = parents[node]
                if count == capacity or (over >= 0 and keys[over] == GONE):
                    break
                count += 1
                if over >= 0:
                    children[over] += 1
            keys[node] = (ranks[position] << NODE_BITS) | (NODES - node)
            if children[node] == 0:
                size = push_key(heap, size, keys[node])
    return leading
