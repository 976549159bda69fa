"""Variants of a file as broken disks, careless scripts and attackers make them. Seeded.

Belongs here: pure functions from bytes to bytes. What a variant must not do to an ingest is said in
the tests.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

HUGE = 3_000_000
DEEP = 50_000
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
EXTREMES = (
    b"1e999", b"-1e999", b"NaN", b"Infinity", b"-0", b"9223372036854775808", b"-1", b"12.7", b"true",
    b"1" * 400, b"0x1F", b'"12"', b"null", b"{}", b"[]", b"",
)  # fmt: skip
ENTITY_BOMB = (
    b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (97 + n, b"&%c;" % (96 + n) * 20) for n in range(1, 9))
    + b"]>"
)
EXTERNAL_ENTITY = b'<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def truncate(data: bytes, random: Random) -> bytes:
    """Cut off at any byte."""
    return data[: random.randrange(len(data) + 1)]


def flip_bits(data: bytes, random: Random) -> bytes:
    """Some bits turned."""
    broken = bytearray(data)
    for _ in range(random.choice((1, 3, 30))):
        broken[random.randrange(len(broken))] ^= 1 << random.randrange(8)
    return bytes(broken)


def drop_span(data: bytes, random: Random) -> bytes:
    """A span of bytes missing."""
    start = random.randrange(len(data))
    return data[:start] + data[start + random.randrange(1, 2000) :]


def repeat_span(data: bytes, random: Random) -> bytes:
    """A span of bytes written twice."""
    start = random.randrange(len(data))
    end = start + random.randrange(1, 2000)
    return data[:end] + data[start:]


def swap_lines(data: bytes, random: Random) -> bytes:
    """Two lines changed places, the header perhaps among them."""
    lines = data.split(b"\n")
    a, b = random.randrange(len(lines)), random.randrange(min(3, len(lines)))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def swap_cells(data: bytes, random: Random) -> bytes:
    """Two cells, or two members, changed places in one line."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    cells = lines[at].split(b",")
    a, b = random.randrange(len(cells)), random.randrange(len(cells))
    cells[a], cells[b] = cells[b], cells[a]
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def extreme_number(data: bytes, random: Random) -> bytes:
    """Numbers that no type holds, or no number at all."""
    numbers = list(NUMBER.finditer(data[:200_000]))
    if not numbers:
        return data
    found = random.choice(numbers)
    return data[: found.start()] + random.choice(EXTREMES) + data[found.end() :]


def huge_field(data: bytes, random: Random) -> bytes:
    """Megabytes inside one field."""
    return _insert(data, random, b"A" * HUGE)


def deep_nesting(data: bytes, random: Random) -> bytes:
    """Brackets or tags opened without end."""
    opener = random.choice((b"[", b'{"a":', b"<a>", b'"', b"("))
    return _insert(data, random, opener * DEEP)


def odd_bytes(data: bytes, random: Random) -> bytes:
    """Bytes that are no text, or mean something to a terminal or a path."""
    odd = (
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\x1b[2J",
        b"../../x",
        b"\r\n",
        b'"',
    )
    return _insert(data, random, random.choice(odd) * random.choice((1, 200)))


def entity_bomb(data: bytes, random: Random) -> bytes:
    """An XML entity that expands to gigabytes, or that reads a file."""
    doctype = random.choice((ENTITY_BOMB, EXTERNAL_ENTITY))
    used = re.sub(rb">([^<>]+)<", b">&a;&i;<", data, count=3)
    head = re.match(rb"\s*<\?xml[^>]*\?>", used)
    at = head.end() if head else 0
    return used[:at] + doctype + used[at:]


def other_line_ends(data: bytes, random: Random) -> bytes:
    """Line ends of another system, or of two."""
    ends = random.choice((b"\r\n", b"\r", b"\n\n"))
    return data.replace(b"\n", ends, random.choice((-1, 5)))


def empty(data: bytes, random: Random) -> bytes:
    """Nothing, or nothing but space."""
    return random.choice((b"", b"\n", b" \n\t\n", b"\xef\xbb\xbf"))


def compress(data: bytes, random: Random) -> bytes:
    """Compressed, whole or cut."""
    packed = gzip.compress(data, 1)
    return packed if random.random() < 0.5 else packed[: random.randrange(len(packed))]


MUTATIONS: tuple[Mutation, ...] = (
    truncate, flip_bits, drop_span, repeat_span, swap_lines, swap_cells, extreme_number, extreme_number,
    huge_field, deep_nesting, odd_bytes, other_line_ends, compress, flip_bits, truncate, entity_bomb,
    swap_cells, extreme_number, odd_bytes, empty,
)  # fmt: skip


def variant(data: bytes, number: int) -> tuple[str, bytes]:
    """The n-th variant of a file: the name of what was done, and the bytes."""
    random = Random(number)
    mutation = MUTATIONS[number % len(MUTATIONS)]
    changed = mutation(data, random)
    if random.random() < 0.2:
        changed = random.choice(MUTATIONS)(changed, random) if changed else changed
    return mutation.__name__, changed


def _insert(data: bytes, random: Random, piece: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + piece + data[at:]
