"""Wanted values: what is taken of each kind, or that it is doubtful."""

from __future__ import annotations

import numpy as np

from tokenworks_sources.connectors.json_columns.found import WRITTEN, Found
from tokenworks_sources.connectors.json_columns.instants import instant_at
from tokenworks_sources.connectors.json_columns.shape import PADDING, Bytes, Kind, Shape
from tokenworks_sources.connectors.json_columns.values import (
    DOUBTFUL,
    after_character,
    after_digits,
    after_number,
    after_value,
    after_word,
)
from tokenworks_sources.connectors.json_columns.words import (
    byte_at,
    first_of,
    plain_end,
    word_at,
)
from tokenworks_sources.jit import part_of_kernel

_QUOTE, _BACKSLASH, _MINUS, _DOT = 0x22, 0x5C, 0x2D, 0x2E
_ZERO, _NINE, _BLANK = 0x30, 0x39, 0x20
_E, _F, _T = 0x65, 0x66, 0x74
_TEXT, _FILLED = int(Kind.TEXT), int(Kind.FILLED)
_NUMBER, _COUNT = int(Kind.NUMBER), int(Kind.COUNT)
_INSTANT, _JSON, _EMPTY = int(Kind.INSTANT), int(Kind.JSON), int(Kind.EMPTY)
# A count of so many digits is below 10^15; so long a number is one that all parsers write alike.
_COUNT_DIGITS, _NUMBER_BYTES = 15, 24
_SHORT = 12
# How far a view of Arrow may point.
_FARTHEST = (1 << 31) - 1
# Buffers that views point into.
TEXT_BUFFER, WRITTEN_BUFFER = 0, 1


@part_of_kernel
def leaf(
    text: Bytes, buffer: int, place: int, entry: int, row: int, shape: Shape, found: Found
) -> int:
    """Takes the value that begins here, which is not null; the byte behind it, or DOUBTFUL."""
    kind = shape.kinds[entry]
    if kind >= _EMPTY:
        is_empty = kind == _EMPTY and text[place] == _QUOTE and text[place + 1] == _QUOTE
        return place + 2 if is_empty else DOUBTFUL
    if kind == _JSON:
        return _json(text, place, entry, row, shape, found)
    if text[place] != _QUOTE:
        end = _after_bare(text, place, kind)
        is_known = end > place and is_taken(text, buffer, place, end, entry, row, shape, found)
        return end if is_known else DOUBTFUL
    begin = place + 1
    end = _plain_string_end(text, begin)
    if end == begin and kind != _TEXT:
        return end + 1
    is_known = end >= begin and is_taken(text, buffer, begin, end, entry, row, shape, found)
    return end + 1 if is_known else DOUBTFUL


@part_of_kernel
def _plain_string_end(text: Bytes, begin: int) -> int:
    """The closing quote of a string that stands for itself; DOUBTFUL where it has an escape."""
    end = plain_end(text, begin)
    while text[end] >= 0x80:
        end = after_character(text, end)
        if end < 0:
            return DOUBTFUL
        end = plain_end(text, end)
    return end if text[end] == _QUOTE else DOUBTFUL


@part_of_kernel
def _after_bare(text: Bytes, place: int, kind: int) -> int:
    """Behind a number, true or false that all parsers write as it stands."""
    if text[place] in (_T, _F):
        return after_word(text, place) if kind in (_TEXT, _FILLED) else DOUBTFUL
    if kind == _NUMBER:
        end = after_number(text, place)
    else:
        end = after_digits(text, place)
        if text[place] == _ZERO and end > place + 1:
            return DOUBTFUL
    return end if end - place <= _NUMBER_BYTES and kind != _INSTANT else DOUBTFUL


@part_of_kernel
def is_taken(
    text: Bytes,
    buffer: int,
    begin: int,
    end: int,
    entry: int,
    row: int,
    shape: Shape,
    found: Found,
) -> bool:
    """Whether the text between two bytes is what is wanted; then it is kept."""
    kind, target = shape.kinds[entry], shape.targets[entry]
    if kind in (_COUNT, _INSTANT):
        whole, is_sure = (
            count_at(text, begin, end) if kind == _COUNT else instant_at(text, begin, end)
        )
        if not is_sure:
            return False
        found.wholes[target, row] = whole
    elif end > _FARTHEST:
        return False
    else:
        low, high = view_of(text, begin, end, buffer)
        found.views[target, row, 0], found.views[target, row, 1] = low, high
    found.given[shape.places[entry], row] = 1
    return True


@part_of_kernel
def count_at(text: Bytes, begin: int, end: int) -> tuple[int, bool]:
    """The number of up to _COUNT_DIGITS digits between two bytes, and whether it is one."""
    if end - begin > _COUNT_DIGITS or after_digits(text, begin) != end:
        return 0, False
    number = 0
    for place in range(begin, end):
        number = number * 10 + byte_at(text, place) - _ZERO
    return number, True


@part_of_kernel
def view_of(text: Bytes, begin: int, end: int, buffer: int) -> tuple[np.uint64, np.uint64]:
    """A view of Arrow: length and the text itself where it is short, else its beginning and place."""
    length = end - begin
    low = np.uint64(length) | (first_of(word_at(text, begin), min(length, 4)) << np.uint64(32))
    if length > _SHORT:
        return low, np.uint64(buffer) | (np.uint64(begin) << np.uint64(32))
    if length > 4:
        return low, first_of(word_at(text, begin + 4), length - 4)
    return low, np.uint64(0)


@part_of_kernel
def _json(text: Bytes, place: int, entry: int, row: int, shape: Shape, found: Found) -> int:
    """Copies a value without its white space, where every parser would write the rest as it is."""
    end = after_value(text, place)
    if end < 0 or text[place] == _QUOTE:
        # JSON in a string; where that is empty, none.
        return end if end == place + 2 else DOUBTFUL
    begin = found.counts[WRITTEN]
    if begin + end - place > len(found.written) - PADDING:
        return DOUBTFUL
    behind = _copied(text, place, end, found.written, begin)
    if behind < 0:
        return DOUBTFUL
    found.counts[WRITTEN] = behind
    low, high = view_of(found.written, begin, behind, WRITTEN_BUFFER)
    target = shape.targets[entry]
    found.views[target, row, 0], found.views[target, row, 1] = low, high
    found.given[shape.places[entry], row] = 1
    return end


@part_of_kernel
def _copied(text: Bytes, place: int, end: int, written: Bytes, behind: int) -> int:
    """Behind the copy; DOUBTFUL where there is an escape, or a number that is not whole."""
    is_string, before = False, np.uint8(0)
    for number in range(place, end):
        byte = text[number]
        if byte == _QUOTE:
            is_string = not is_string
        elif byte == _BACKSLASH:
            return DOUBTFUL
        elif not is_string:
            if byte <= _BLANK:
                continue
            is_exponent = byte | 0x20 == _E and _ZERO <= before <= _NINE
            if byte == _DOT or is_exponent or (before == _MINUS and byte == _ZERO):
                return DOUBTFUL
        written[behind] = byte
        before = byte
        behind += 1
    return behind
