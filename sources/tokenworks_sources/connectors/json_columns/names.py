"""Names of wanted values: a table of slots for each object, that they are entered and found in."""

from __future__ import annotations

import numpy as np

from tokenworks_sources.connectors.json_columns.shape import (
    NOT_WANTED,
    SLOTS,
    Bytes,
    Integers,
    Shape,
)
from tokenworks_sources.connectors.json_columns.words import first_of, word_at
from tokenworks_sources.jit import bare_kernel, part_of_kernel

_SHIFT = np.uint64(56)
_HEADS, _TAILS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_LENGTHS = np.uint64(0x165667B19E3779F9)


@bare_kernel
def enter_names(nodes: Integers, shape: Shape) -> int:
    """Fills heads, tails and slots for entries of these nodes; how many there are."""
    for entry in range(len(nodes)):
        length = int(shape.lengths[entry])
        head, tail = ends_of_name(shape.names, int(shape.starts[entry]), length)
        shape.heads[entry], shape.tails[entry] = head, tail
        slot = slot_of(head, tail, length)
        while shape.slots[nodes[entry], slot] != NOT_WANTED:
            slot = (slot + 1) % SLOTS
        shape.slots[nodes[entry], slot] = entry
    return len(nodes)


@part_of_kernel
def ends_of_name(text: Bytes, start: int, length: int) -> tuple[np.uint64, np.uint64]:
    """The first eight bytes of a name, and its last eight where it is longer."""
    head = first_of(word_at(text, start), length)
    if length <= 8:
        return head, np.uint64(0)
    return head, word_at(text, start + length - 8)


@part_of_kernel
def slot_of(head: np.uint64, tail: np.uint64, length: int) -> int:
    """The slot at which a name is looked for first."""
    mixed = (head * _HEADS) ^ (tail * _TAILS) ^ (np.uint64(length) * _LENGTHS)
    return int(np.int64((mixed * _HEADS) >> _SHIFT))


@part_of_kernel
def entry_of(text: Bytes, start: int, length: int, node: int, shape: Shape) -> int:
    """The entry of a name in a node, or NOT_WANTED."""
    head, tail = ends_of_name(text, start, length)
    slot = slot_of(head, tail, length)
    while True:
        entry = int(shape.slots[node, slot])
        if entry < 0:
            return NOT_WANTED
        if (
            shape.heads[entry] == head
            and shape.tails[entry] == tail
            and shape.lengths[entry] == length
            and _same_middle(text, start + 8, length - 16, shape.names, shape.starts[entry] + 8)
        ):
            return entry
        slot = (slot + 1) % SLOTS


@part_of_kernel
def _same_middle(text: Bytes, start: int, length: int, names: Bytes, other: int) -> bool:
    is_same = True
    for step in range(length):
        is_same &= text[start + step] == names[other + step]
    return is_same
