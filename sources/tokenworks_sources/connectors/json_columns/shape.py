"""Which values of a JSON line are wanted, as tables that the kernels look names up in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokenworks_sources.machine_code import KeptKernel

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

# Bytes behind every text, so that kernels may look ahead.
PADDING = 64
# Slots of a node's table; at most half of them are taken.
SLOTS = 256
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


# Enters names into the tables that others look them up in.
ENTER_NAMES = KeptKernel(f"{__package__}.names", "enter_names")


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
    count = len(entries)
    shape = Shape(
        names,
        starts,
        lengths,
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint64),
        _integers(entry.kind for entry in entries),
        _integers(entry.target for entry in entries),
        _integers(entry.place for entry in entries),
        np.full((nodes, SLOTS), NOT_WANTED, np.int64),
    )
    ENTER_NAMES(_integers(entry.node for entry in entries), shape)
    return shape


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)
