"""Ids and times as OTLP writers spell them, and the keys that span formats share.

Pure. Belongs here: what OTLP JSON, protobuf and the SDKs' own JSON have in common.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from tokenworks_sources.connectors.requests.genai_attributes import FIRST_TOKEN_EVENTS, Fields
from tokenworks_sources.connectors.requests.genai_spans import SpanError

TRACE_BYTES, SPAN_BYTES = 16, 8
# Attributes that are remembered: of how many bytes, and how many.
SHORT_BYTES, MOST_MET = 96, 8_192
_BASE64_LENGTHS = {22: 16, 24: 16, 11: 8, 12: 8}
_LONGEST_NUMBER = 24

SPAN_KINDS = {
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}
STATUS_CODES = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, "OK": 1, "ERROR": 2}


def hex_id(value: str | None, size: int, field: str) -> str | None:
    """An id as lower-case hex; base64 (plain protobuf JSON) is told by its length.

    Args:
        value: the id; empty or all zeros is none.
        size: its number of bytes; a shorter one is padded on the left.
        field: its name, for the error.

    Raises:
        SpanError: it is neither.
    """
    if not value:
        return None
    digits = value.removeprefix("0x")
    try:
        found = bytes.fromhex(digits)
        # Almost every id; the rest of the way is for the others.
        if len(digits) == size * 2 == len(found) * 2 and any(found):
            return digits.lower()
        if len(found) * 2 != len(digits):
            raise ValueError
    except ValueError:
        found = _from_base64(value, size, field)
    return id_of(found, size, field)


def id_of(found: bytes, size: int, field: str) -> str | None:
    """An id of bytes as hex; all zeros is none."""
    if len(found) > size:
        raise SpanError(f"{field}: more than {size} bytes")
    return found.rjust(size, b"\0").hex() if any(found) else None


def _from_base64(value: str, size: int, field: str) -> bytes:
    if _BASE64_LENGTHS.get(len(value)) == size:
        padded = value + "=" * (-len(value) % 4)
        try:
            return base64.b64decode(padded, validate=True)
        except binascii.Error:
            pass
    raise SpanError(f"{field}: not hexadecimal")


def nanoseconds(value: str | int | float | None, field: str) -> int | None:
    """A time in nanoseconds since 1970; absent or 0 is none.

    Raises:
        SpanError: it is no whole number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not (value.isascii() and value.isdigit()):
            raise SpanError(f"{field}: not a whole number")
        value = int(value)
    elif isinstance(value, float):
        # Beyond 2^53 a float is exact to 256 ns, a quarter of what the lake keeps.
        if not value.is_integer():
            raise SpanError(f"{field}: not a whole number")
        value = int(value)
    if value < 0:
        raise SpanError(f"{field}: below 0")
    return value or None


def code(value: int | str | None, codes: dict[str, int]) -> int:
    """The number of an enumeration that may be spelt out."""
    if isinstance(value, int):
        return value
    if value is None:
        return 0
    return int(value) if value.isascii() and value.isdigit() else codes.get(value, 0)


def is_known(value: object) -> bool:
    """Whether an attribute's value says anything; NaN does not."""
    return value is not None and value != "" and value == value  # noqa: PLR0124


class Event(Protocol):
    """An event of a span."""

    @property
    def name(self) -> str | None:
        """Its name."""


E = TypeVar("E", bound=Event)


def read_events(
    events: Iterable[E],
    fields: Fields,
    moment_of: Callable[[E], int | None],
    error_of: Callable[[E], Fields],
) -> int | None:
    """Time of the first token; the type of an exception goes to the fields."""
    moment = None
    for event in events:
        if event.name in FIRST_TOKEN_EVENTS and moment is None:
            moment = moment_of(event)
        if event.name == "exception":
            fields |= {name: one for name, one in error_of(event).items() if name not in fields}
    return moment
