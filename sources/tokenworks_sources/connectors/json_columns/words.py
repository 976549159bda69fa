"""Eight bytes at a time: where a string ends, where a line ends, whether digits follow.

Every text that these kernels look at ends with a newline and is followed by `PADDING` bytes more, so
that a look ahead stays inside; no search goes beyond the end of a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tokenworks_sources.connectors.json_columns.shape import Bytes
from tokenworks_sources.jit import part_of_kernel

_ONES, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
QUOTES, COMMAS = np.uint64(0x2222222222222222), np.uint64(0x2C2C2C2C2C2C2C2C)
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_BLANKS, _NEWLINES = np.uint64(0x2020202020202020), np.uint64(0x0A0A0A0A0A0A0A0A)
_NONE = np.uint64(0)
_THREE, _EIGHT, _ALL = np.uint64(3), np.uint64(8), np.uint64(0xFFFFFFFFFFFFFFFF)


def _word_at(_: Any, text: Any, place: Any) -> Any:
    def load(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        start = builder.bitcast(array.data, ir.PointerType(ir.IntType(8)))
        words = ir.PointerType(ir.IntType(64))
        return builder.load(builder.bitcast(builder.gep(start, [values[1]]), words), align=1)

    return types.uint64(text, place), load


def _put_word(_: Any, text: Any, place: Any, word: Any) -> Any:
    def store(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        start = builder.bitcast(array.data, ir.PointerType(ir.IntType(8)))
        words = ir.PointerType(ir.IntType(64))
        builder.store(values[2], builder.bitcast(builder.gep(start, [values[1]]), words), align=1)
        return context.get_dummy_value()

    return types.void(text, place, word), store


def _zeros_below(_: Any, word: Any) -> Any:
    def count(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(word), count


# The eight bytes of an array from a place on, as one number; the first byte is the lowest.
word_at = cast("Callable[[Bytes, int], np.uint64]", intrinsic(_word_at))
# Writes a number as the eight bytes of an array from a place on.
put_word = cast("Callable[[Bytes, int, np.uint64], None]", intrinsic(_put_word))
# How many bits there are below the lowest that is set.
zeros_below = cast("Callable[[np.uint64], np.uint64]", intrinsic(_zeros_below))


@part_of_kernel
def byte_at(text: Bytes, place: int) -> int:
    """A byte as a signed number: of unsigned and signed ones numba makes a fraction."""
    return int(np.int64(text[place]))


@part_of_kernel
def plain_end(text: Bytes, place: int) -> int:
    """The first byte from here on that is a quote, a backslash, below a blank, or not ASCII."""
    while True:
        plain = plain_bytes(word_at(text, place), _BACKSLASHES)
        place += plain
        if plain < 8:
            return place


@part_of_kernel
def plain_bytes(word: np.uint64, others: np.uint64) -> int:
    """Bytes of a word before the first that is a quote, one of `others`, below a blank, or not ASCII.

    Args:
        word: eight bytes.
        others: eight times the same byte.
    """
    quotes, alike = word ^ QUOTES, word ^ others
    marks = (
        ((quotes - _ONES) & ~quotes)
        | ((alike - _ONES) & ~alike)
        | ((word - _BLANKS) & ~word)
        | word
    ) & _HIGH
    return 8 if marks == _NONE else int(np.int64(zeros_below(marks) >> _THREE))


@part_of_kernel
def newline_from(text: Bytes, place: int) -> int:
    """The first newline from here on."""
    while True:
        newlines = word_at(text, place) ^ _NEWLINES
        marks = (newlines - _ONES) & ~newlines & _HIGH
        if marks != _NONE:
            return place + int(np.int64(zeros_below(marks) >> _THREE))
        place += 8


@part_of_kernel
def first_of(word: np.uint64, length: int) -> np.uint64:
    """The first `length` bytes of a word; the others are 0."""
    if length >= 8:
        return word
    return word & ~(_ALL << np.uint64(8 * length))
