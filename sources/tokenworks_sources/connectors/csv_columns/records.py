"""The kernel: from lines of CSV to the columns of the values that are wanted, JSON in cells included."""

from __future__ import annotations

from tokenworks_sources.connectors.csv_columns.cells import (
    bare_end,
    is_blank,
    is_cell_end,
    is_open,
    quoted_end,
    unquoted,
)
from tokenworks_sources.connectors.json_columns.found import BLANK, LINES, ROWS, WRITTEN, Found
from tokenworks_sources.connectors.json_columns.leaves import (
    TEXT_BUFFER,
    WRITTEN_BUFFER,
    is_taken,
)
from tokenworks_sources.connectors.json_columns.lines import object_at
from tokenworks_sources.connectors.json_columns.shape import Bytes, Integers, Kind, Shape
from tokenworks_sources.connectors.json_columns.values import DOUBTFUL, after_value
from tokenworks_sources.connectors.json_columns.words import newline_from
from tokenworks_sources.jit import bare_kernel, part_of_kernel

_QUOTE, _COMMA, _NEWLINE, _RETURN = 0x22, 0x2C, 0x0A, 0x0D
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D
_OBJECT, _JSON, _EMPTY = int(Kind.OBJECT), int(Kind.JSON), int(Kind.EMPTY)


@bare_kernel
def columns_of_records(
    text: Bytes, place: int, end: int, longest: int, cells: Integers, shape: Shape, found: Found
) -> int:
    """Fills `found` with the values of lines, as many as there is room for.

    Args:
        text: lines; a newline stands before `end`.
        place: first byte of the first line.
        end: byte behind the last one.
        longest: bytes that a line may have.
        cells: the entry of each cell of a line, NOT_WANTED where none.
        shape: what is wanted, by the names of the header.
        found: where it goes; nothing is `given` yet, and no entry `seen`.

    Returns:
        the byte behind the last line that was read; DOUBTFUL where a line is longer, or no record.
    """
    line, rows, blank, most = 0, 0, 0, len(found.lines)
    while place < end and line < most:
        line += 1
        begin = place
        behind = _record(text, begin, line, rows, cells, shape, found)
        if behind >= 0:
            found.lines[rows] = line
            rows += 1
            place = behind + 1
        else:
            for column in range(found.given.shape[0]):
                found.given[column, rows] = 0
            if is_open(text, begin):
                return DOUBTFUL
            place = newline_from(text, begin) + 1
            if _is_empty(text, begin):
                found.blank[blank] = line
                blank += 1
        if place - begin > longest:
            return DOUBTFUL
    found.counts[ROWS], found.counts[BLANK], found.counts[LINES] = rows, blank, line
    return place


@part_of_kernel
def _is_empty(text: Bytes, place: int) -> bool:
    """Whether nothing is on the line that begins here."""
    while text[place] == _RETURN:
        place += 1
    return bool(text[place] == _NEWLINE)


@part_of_kernel
def _record(
    text: Bytes, place: int, line: int, row: int, cells: Integers, shape: Shape, found: Found
) -> int:
    """Takes the values of one line; its newline, DOUBTFUL where it is not sure."""
    for number in range(len(cells)):
        if number > 0:
            if text[place] != _COMMA:
                return DOUBTFUL
            place += 1
        place = _cell(text, place, line, row, cells[number], shape, found)
        if place < 0:
            return DOUBTFUL
    if text[place] == _RETURN:
        place += 1
    return place if text[place] == _NEWLINE else DOUBTFUL


@part_of_kernel
def _cell(
    text: Bytes, place: int, line: int, row: int, entry: int, shape: Shape, found: Found
) -> int:
    """Takes the value of the cell that begins here; the comma or line end behind it, or DOUBTFUL."""
    if text[place] != _QUOTE:
        end = bare_end(text, place)
        is_sure = entry < 0 or end < 0 or _is_bare_taken(text, place, end, row, entry, shape, found)
        return end if is_sure else DOUBTFUL
    if entry < 0:
        end = quoted_end(text, place + 1)
    else:
        begin = found.counts[WRITTEN]
        end, behind = unquoted(text, place + 1, found.written, begin)
        if end >= 0 and not _is_written_taken(begin, behind, line, row, entry, shape, found):
            return DOUBTFUL
    return end + 1 if end >= 0 and is_cell_end(text, end + 1) else DOUBTFUL


@part_of_kernel
def _is_bare_taken(
    text: Bytes, begin: int, end: int, row: int, entry: int, shape: Shape, found: Found
) -> bool:
    """Whether a cell without quotes is what is wanted; as JSON it is empty, or not decided."""
    if is_blank(text, begin, end):
        return True
    kind = shape.kinds[entry]
    if kind in (_OBJECT, _JSON):
        is_object = text[begin] == _OPEN and text[begin + 1] == _CLOSE
        is_list = text[begin] == _OPEN_LIST and text[begin + 1] == _CLOSE_LIST
        if end - begin != 2 or not (is_object or (is_list and kind == _JSON)):
            return False
        if kind == _OBJECT:
            return True
    return kind != _EMPTY and is_taken(text, TEXT_BUFFER, begin, end, entry, row, shape, found)


@part_of_kernel
def _is_written_taken(
    begin: int, behind: int, line: int, row: int, entry: int, shape: Shape, found: Found
) -> bool:
    """Whether what was written of a cell is what is wanted."""
    written = found.written
    written[behind] = _NEWLINE
    found.counts[WRITTEN] = behind + 1
    if is_blank(written, begin, behind):
        return True
    kind = shape.kinds[entry]
    if kind == _OBJECT:
        node = shape.targets[entry]
        end = object_at(written, WRITTEN_BUFFER, begin, node, line, row, shape, found)
        return end == behind
    if kind == _JSON and (written[begin] == _QUOTE or after_value(written, begin) != behind):
        return False
    return kind != _EMPTY and is_taken(
        written, WRITTEN_BUFFER, begin, behind, entry, row, shape, found
    )
