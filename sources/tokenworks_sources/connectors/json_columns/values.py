"""Values of JSON as RFC 8259 has them: where one ends, or that it is not plain.

What is rare is not decided here: a kernel says DOUBTFUL, and the line is read by a whole parser.
"""

from __future__ import annotations

from tokenworks_sources.connectors.json_columns.shape import Bytes
from tokenworks_sources.connectors.json_columns.words import byte_at, plain_end
from tokenworks_sources.jit import bare_kernel

DOUBTFUL = -1
DEEPEST = 60
_QUOTE, _BACKSLASH, _U = 0x22, 0x5C, 0x75
_BLANK, _TAB, _RETURN = 0x20, 0x09, 0x0D
_COMMA, _COLON, _MINUS, _DOT, _PLUS = 0x2C, 0x3A, 0x2D, 0x2E, 0x2B
_ZERO, _NINE = 0x30, 0x39
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D
_TRUE, _FALSE, _NULL = 0x65757274, 0x736C6166, 0x6C6C756E


@bare_kernel
def after_blanks(text: Bytes, place: int) -> int:
    """The next byte that is no white space within a line."""
    while text[place] <= _BLANK and (
        text[place] == _BLANK or text[place] == _TAB or text[place] == _RETURN
    ):
        place += 1
    return place


@bare_kernel
def after_string(text: Bytes, place: int) -> int:
    """Behind the closing quote of a string whose first byte is here."""
    while True:
        place = plain_end(text, place)
        byte = text[place]
        if byte == _QUOTE:
            return place + 1
        if byte == _BACKSLASH:
            place = _after_escape(text, place + 1)
        elif byte >= 0x80:
            place = after_character(text, place)
        else:
            return DOUBTFUL
        if place < 0:
            return DOUBTFUL


@bare_kernel
def _after_escape(text: Bytes, place: int) -> int:
    byte = text[place]
    if byte == _U:
        unit = _hexadecimal(text, place + 1)
        # Halves of a pair are left to a parser that knows what to do with one alone.
        return place + 5 if unit >= 0 and not 0xD800 <= unit < 0xE000 else DOUBTFUL
    # " \ / b f n r t
    known = byte in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74)
    return place + 1 if known else DOUBTFUL


@bare_kernel
def _hexadecimal(text: Bytes, place: int) -> int:
    number = 0
    for step in range(4):
        byte = byte_at(text, place + step)
        if _ZERO <= byte <= _NINE:
            number = number * 16 + byte - _ZERO
        elif 0x61 <= byte | 0x20 <= 0x66:
            number = number * 16 + (byte | 0x20) - 0x57
        else:
            return DOUBTFUL
    return number


@bare_kernel
def after_character(text: Bytes, place: int) -> int:
    """Behind a character of several bytes, as RFC 3629 has them: none overlong, no half of a pair."""
    first, second = text[place], text[place + 1]
    more = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
    low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    if not 0xC2 <= first <= 0xF4 or not low <= second <= high:
        return DOUBTFUL
    for step in range(2, more + 1):
        if text[place + step] & 0xC0 != 0x80:
            return DOUBTFUL
    return place + 1 + more


@bare_kernel
def after_digits(text: Bytes, place: int) -> int:
    """The next byte that is no digit."""
    while _ZERO <= text[place] <= _NINE:
        place += 1
    return place


@bare_kernel
def after_number(text: Bytes, place: int) -> int:
    """Behind a number; not a number for which parsers differ in what it becomes."""
    if text[place] == _MINUS:
        place += 1
    digits = after_digits(text, place)
    if digits == place or (text[place] == _ZERO and digits > place + 1):
        return DOUBTFUL
    place = digits
    if text[place] == _DOT:
        digits = after_digits(text, place + 1)
        if digits == place + 1:
            return DOUBTFUL
        place = digits
    if text[place] | 0x20 == 0x65:
        place += 1
        if text[place] in (_PLUS, _MINUS):
            place += 1
        digits = after_digits(text, place)
        if not 1 <= digits - place <= 2:
            return DOUBTFUL
        place = digits
    return place


@bare_kernel
def after_word(text: Bytes, place: int) -> int:
    """Behind true, false or null."""
    letters = (
        byte_at(text, place)
        | byte_at(text, place + 1) << 8
        | byte_at(text, place + 2) << 16
        | byte_at(text, place + 3) << 24
    )
    if letters in (_TRUE, _NULL):
        return place + 4
    return place + 5 if letters == _FALSE and text[place + 4] == 0x65 else DOUBTFUL


@bare_kernel
def after_scalar(text: Bytes, place: int) -> int:
    """Behind a string, a number, true, false or null that begins here."""
    byte = text[place]
    if byte == _QUOTE:
        return after_string(text, place + 1)
    if byte == _MINUS or _ZERO <= byte <= _NINE:
        return after_number(text, place)
    return after_word(text, place)


@bare_kernel
def after_value(text: Bytes, place: int) -> int:
    """Behind any value that begins here, down to DEEPEST objects and lists in each other."""
    # The lowest bit says whether the innermost that is open is a list; the highest stands for none.
    lists = 1
    while place >= 0:
        byte = text[place]
        if byte in (_OPEN, _OPEN_LIST):
            lists = lists << 1 | (byte == _OPEN_LIST)
            if lists >> DEEPEST:
                return DOUBTFUL
            place = after_blanks(text, place + 1)
            if text[place] != _closing(lists):
                place = _next_value(text, place, lists)
                continue
            place, lists = place + 1, lists >> 1
        else:
            place = after_scalar(text, place)
        place, lists = _behind(text, place, lists)
        if lists == 1:
            return place
    return DOUBTFUL


@bare_kernel
def _behind(text: Bytes, place: int, lists: int) -> tuple[int, int]:
    """Where the next value begins, or what was open ends, and what is open then."""
    while place >= 0 and lists > 1:
        place = after_blanks(text, place)
        if text[place] == _COMMA:
            return _next_value(text, after_blanks(text, place + 1), lists), lists
        if text[place] != _closing(lists):
            return DOUBTFUL, lists
        place, lists = place + 1, lists >> 1
    return place, lists


@bare_kernel
def _closing(lists: int) -> int:
    return _CLOSE_LIST if lists & 1 else _CLOSE


@bare_kernel
def _next_value(text: Bytes, place: int, lists: int) -> int:
    return place if lists & 1 else after_name(text, place)


@bare_kernel
def after_name(text: Bytes, place: int) -> int:
    """Where the value begins of the member whose name begins here."""
    if text[place] != _QUOTE:
        return DOUBTFUL
    place = after_string(text, place + 1)
    if place < 0:
        return DOUBTFUL
    place = after_blanks(text, place)
    if text[place] != _COLON:
        return DOUBTFUL
    return after_blanks(text, place + 1)
