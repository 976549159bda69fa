"""The kernel: from lines of JSON to the columns of the values that are wanted."""

from __future__ import annotations

from tokenworks_sources.connectors.json_columns.found import BLANK, LINES, ROWS, Found
from tokenworks_sources.connectors.json_columns.leaves import TEXT_BUFFER, leaf
from tokenworks_sources.connectors.json_columns.names import entry_of
from tokenworks_sources.connectors.json_columns.shape import ROOT, Bytes, Integers, Kind, Shape
from tokenworks_sources.connectors.json_columns.values import (
    DOUBTFUL,
    after_blanks,
    after_value,
    after_word,
)
from tokenworks_sources.connectors.json_columns.words import newline_from, plain_end
from tokenworks_sources.jit import bare_kernel, part_of_kernel

_QUOTE, _OPEN, _CLOSE, _COLON, _COMMA = 0x22, 0x7B, 0x7D, 0x3A, 0x2C
_NEWLINE, _N = 0x0A, 0x6E
_OBJECT = int(Kind.OBJECT)


@bare_kernel
def columns_of_lines(text: Bytes, place: int, end: int, shape: Shape, found: Found) -> int:
    """Fills `found` with the values of lines, as many as there is room for.

    Args:
        text: lines; a newline stands before `end`.
        place: first byte of the first line.
        end: byte behind the last one.
        shape: what is wanted.
        found: where it goes; nothing is `given` yet, and no entry `seen`.

    Returns:
        the byte behind the last line that was read.
    """
    line, rows, blank, most = 0, 0, 0, len(found.lines)
    while place < end and line < most:
        line += 1
        begin = _after_white_space(text, place)
        if text[begin] == _NEWLINE:
            found.blank[blank] = line
            blank += 1
            place = begin + 1
            continue
        behind = object_at(
            text, TEXT_BUFFER, after_blanks(text, place), ROOT, line, rows, shape, found
        )
        if behind >= 0 and text[behind] == _NEWLINE:
            found.lines[rows] = line
            rows += 1
            place = behind + 1
        else:
            for column in range(found.given.shape[0]):
                found.given[column, rows] = 0
            place = newline_from(text, place) + 1
    found.counts[ROWS], found.counts[BLANK], found.counts[LINES] = rows, blank, line
    return place


@part_of_kernel
def _after_white_space(text: Bytes, place: int) -> int:
    """The next byte within the line that Python's `bytes.strip` would keep."""
    while text[place] in (0x20, 0x09, 0x0B, 0x0C, 0x0D):
        place += 1
    return place


@part_of_kernel
def object_at(
    text: Bytes,
    buffer: int,
    place: int,
    node: int,
    line: int,
    row: int,
    shape: Shape,
    found: Found,
) -> int:
    """Takes the values of the object that begins here, of a node; the next byte that is no white space.

    DOUBTFUL where it is not sure.
    """
    if text[place] != _OPEN:
        return DOUBTFUL
    depth = 0
    place = after_blanks(text, place + 1)
    is_member = text[place] != _CLOSE
    while True:
        if is_member:
            entry, place = _named(text, place, node, shape)
            if entry >= 0:
                if found.seen[entry] == line:
                    return DOUBTFUL
                found.seen[entry] = line
                if shape.kinds[entry] == _OBJECT and text[place] == _OPEN:
                    depth += 1
                    found.parents[depth] = node
                    node = shape.targets[entry]
                    place = after_blanks(text, place + 1)
                    is_member = text[place] != _CLOSE
                    continue
            place = _taken(text, buffer, place, entry, row, shape, found)
        node, depth, place = _behind(text, place, node, depth, found.parents)
        if depth < 0 or place < 0:
            return place
        is_member = True


@part_of_kernel
def _behind(
    text: Bytes, place: int, node: int, depth: int, parents: Integers
) -> tuple[int, int, int]:
    """The node and place of the next member; behind the last one the depth is below 0."""
    if place < 0:
        return node, depth, DOUBTFUL
    place = after_blanks(text, place)
    while text[place] == _CLOSE:
        place = after_blanks(text, place + 1)
        if depth == 0:
            return node, -1, place
        node, depth = parents[depth], depth - 1
    if text[place] != _COMMA:
        return node, depth, DOUBTFUL
    return node, depth, after_blanks(text, place + 1)


@part_of_kernel
def _named(text: Bytes, place: int, node: int, shape: Shape) -> tuple[int, int]:
    """The entry of the name that begins here, and where its value begins."""
    if text[place] != _QUOTE:
        return DOUBTFUL, DOUBTFUL
    begin = place + 1
    # An escape could spell a name that is wanted.
    end = plain_end(text, begin)
    if text[end] != _QUOTE:
        return DOUBTFUL, DOUBTFUL
    entry = entry_of(text, begin, end - begin, node, shape)
    place = after_blanks(text, end + 1)
    if text[place] != _COLON:
        return DOUBTFUL, DOUBTFUL
    return entry, after_blanks(text, place + 1)


@part_of_kernel
def _taken(
    text: Bytes, buffer: int, place: int, entry: int, row: int, shape: Shape, found: Found
) -> int:
    """Behind the value that begins here, which is taken where it is wanted."""
    if place < 0:
        return DOUBTFUL
    if entry < 0:
        return after_value(text, place)
    if text[place] == _N:
        return after_word(text, place)
    if shape.kinds[entry] == _OBJECT:
        return DOUBTFUL
    return leaf(text, buffer, place, entry, row, shape, found)
