"""Cells of a line: where one ends, and its text without the quotes around it and the doubled ones in it."""

from __future__ import annotations

from tokenworks_sources.connectors.json_columns.shape import PADDING, Bytes
from tokenworks_sources.connectors.json_columns.values import DOUBTFUL, after_character
from tokenworks_sources.connectors.json_columns.words import (
    COMMAS,
    QUOTES,
    plain_bytes,
    put_word,
    word_at,
)
from tokenworks_sources.jit import part_of_kernel

_QUOTE, _COMMA, _BLANK = 0x22, 0x2C, 0x20
_TAB, _NEWLINE, _RETURN = 0x09, 0x0A, 0x0D


@part_of_kernel
def bare_end(text: Bytes, place: int) -> int:
    """The comma or line end behind a cell that has no quotes; DOUBTFUL where it has."""
    while True:
        plain = plain_bytes(word_at(text, place), COMMAS)
        place += plain
        if plain < 8:
            if is_cell_end(text, place):
                return place
            place = _behind(text, place)
            if place < 0:
                return DOUBTFUL


@part_of_kernel
def quoted_end(text: Bytes, place: int) -> int:
    """The closing quote of a cell of which the first byte within quotes is here."""
    while True:
        plain = plain_bytes(word_at(text, place), QUOTES)
        place += plain
        if plain < 8:
            is_quote = text[place] == _QUOTE
            if is_quote and text[place + 1] != _QUOTE:
                return place
            place = place + 2 if is_quote else _behind(text, place)
            if place < 0:
                return DOUBTFUL


@part_of_kernel
def unquoted(text: Bytes, place: int, written: Bytes, behind: int) -> tuple[int, int]:
    """Writes out a cell of which the first byte within quotes is here.

    Returns:
        its closing quote, and the byte behind what was written; the first is DOUBTFUL without room, too.
    """
    while behind < len(written) - PADDING:
        word = word_at(text, place)
        put_word(written, behind, word)
        plain = plain_bytes(word, QUOTES)
        place, behind = place + plain, behind + plain
        if plain < 8:
            if text[place] != _QUOTE:
                put_word(written, behind, word_at(text, place))
                end = _behind(text, place)
                if end < 0:
                    return DOUBTFUL, behind
                place, behind = end, behind + end - place
            elif text[place + 1] == _QUOTE:
                place, behind = place + 2, behind + 1
            else:
                return place, behind
    return DOUBTFUL, behind


@part_of_kernel
def _behind(text: Bytes, place: int) -> int:
    """Behind a tab or a character of several bytes, which alone are no mark of CSV."""
    if text[place] >= 0x80:
        return after_character(text, place)
    return place + 1 if text[place] == _TAB else DOUBTFUL


@part_of_kernel
def is_cell_end(text: Bytes, place: int) -> bool:
    """Whether a comma is here, or the end of a line, with or without a carriage return."""
    byte = text[place]
    return byte in (_COMMA, _NEWLINE) or (byte == _RETURN and text[place + 1] == _NEWLINE)


@part_of_kernel
def is_blank(text: Bytes, begin: int, end: int) -> bool:
    """Whether all between two bytes is white space, as far as cells may hold it."""
    while begin < end and text[begin] in (_BLANK, _TAB):
        begin += 1
    return begin == end


@part_of_kernel
def is_open(text: Bytes, place: int) -> bool:
    """Whether the record that begins here may go on behind its line, as Python's `csv` reads it."""
    while True:
        is_quoted = text[place] == _QUOTE
        place += is_quoted
        while is_quoted:
            if text[place] == _NEWLINE:
                return True
            is_doubled = text[place] == _QUOTE and text[place + 1] == _QUOTE
            is_quoted = is_doubled or text[place] != _QUOTE
            place += 1 + is_doubled
        while text[place] not in (_COMMA, _NEWLINE, _RETURN):
            place += 1
        if text[place] != _COMMA:
            return False
        place += 1
