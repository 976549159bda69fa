"""Which values of a JSON line are wanted, as tables that the kernels look names up in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokenworks_sources.connectors.json_columns.words import PADDING, Bytes, first_of, word_at
from tokenworks_sources.jit import part_of_kernel

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

# Slots of a node's table; at most half of them are taken.
_SLOTS = 256
_SHIFT = np.uint64(56)
_HEADS, _TAILS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_LENGTHS = np.uint64(0x165667B19E3779F9)
NOT_WANTED = -1
ROOT = 0


class Kind(IntEnum):
    """What is taken of a value.

    Attributes:
        OBJECT: values in it, by their names.
        TEXT: a string as it is, a whole number, true or false as text.
        FILLED: the same; an empty string is none.
        NUMBER: a number as it is written, or a string; an empty string is none.
        COUNT: a whole number from 0 up to 15 digits, as such or in a string; 64 bits.
        INSTANT: RFC 3339 in UTC or without a zone, up to microseconds; 64 bits since 1970.
        JSON: any value as JSON without white space, as long as its numbers are whole; an empty string is none.
        EMPTY: nothing; any value but an empty string makes the line doubtful.
        ABSENT: nothing; any value does.
    """

    OBJECT = 0
    TEXT = 1
    FILLED = 2
    NUMBER = 3
    COUNT = 4
    INSTANT = 5
    JSON = 6
    EMPTY = 7
    ABSENT = 8


WHOLE = (Kind.COUNT, Kind.INSTANT)
WATCHED = (Kind.EMPTY, Kind.ABSENT)


class Shape(NamedTuple):
    """Wanted names, an entry for each object and value.

    Attributes:
        names: all names behind each other.
        starts: first byte of each name.
        lengths: bytes of each name.
        heads: the first eight bytes of each.
        tails: the last eight bytes of each that is longer.
        kinds: `Kind` of each.
        targets: the node of an object; the column of a value, texts and numbers counted apart.
        places: the column of a value, counted among all.
        slots: node and slot to entry, NOT_WANTED where none.
    """

    names: Bytes
    starts: Integers
    lengths: Integers
    heads: Words
    tails: Words
    kinds: Integers
    targets: Integers
    places: Integers
    slots: Integers


class _Entry(NamedTuple):
    node: int
    name: str
    kind: Kind
    target: int
    place: int


def shape_of(wanted: Mapping[str, Kind]) -> Shape:
    """The tables of values by their paths: names joined by dots, columns in the order given."""
    nodes: dict[str, int] = {"": ROOT}
    entries: list[_Entry] = []
    columns: Counter[str] = Counter()
    for path, kind in wanted.items():
        above = ""
        *parents, name = path.split(".")
        for parent in parents:
            inner = f"{above}.{parent}"
            if inner not in nodes:
                nodes[inner] = len(nodes)
                entries.append(_Entry(nodes[above], parent, Kind.OBJECT, nodes[inner], NOT_WANTED))
            above = inner
        group = "wholes" if kind in WHOLE else "texts"
        entries.append(_Entry(nodes[above], name, kind, columns[group], columns["all"]))
        if kind not in WATCHED:
            columns.update((group, "all"))
    return _tables(entries, len(nodes))


def _tables(entries: list[_Entry], nodes: int) -> Shape:
    encoded = [entry.name.encode() for entry in entries]
    lengths = _integers(map(len, encoded))
    starts = _integers(accumulate((len(name) for name in encoded[:-1]), initial=0))
    names = np.frombuffer(b"".join(encoded) + bytes(PADDING), np.uint8)
    heads, tails = np.zeros(len(entries), np.uint64), np.zeros(len(entries), np.uint64)
    slots = np.full((nodes, _SLOTS), NOT_WANTED, np.int64)
    for number, entry in enumerate(entries):
        start, length = starts[number], lengths[number]
        heads[number], tails[number] = ends_of_name(names, start, length)
        slot = slot_of(heads[number], tails[number], length)
        while slots[entry.node, slot] != NOT_WANTED:
            slot = (slot + 1) % _SLOTS
        slots[entry.node, slot] = number
    return Shape(
        names,
        starts,
        lengths,
        heads,
        tails,
        _integers(entry.kind for entry in entries),
        _integers(entry.target for entry in entries),
        _integers(entry.place for entry in entries),
        slots,
    )


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)


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
        slot = (slot + 1) % _SLOTS


@part_of_kernel
def _same_middle(text: Bytes, start: int, length: int, names: Bytes, other: int) -> bool:
    is_same = True
    for step in range(length):
        is_same &= text[start + step] == names[other + step]
    return is_same
