"""Canaries: texts that must never leave the landing folder, and where to look for them.

Each kind has its own text, so that a leak says what leaked. `WORDS` are prompts, answers and the like:
they may stand in no column at all. `SECRETS` are keys and e-mails: they may not stand even in what the
lake keeps in clear (a tag, a model's name). What is exempt: the landing folder, which is the user's,
and the name of a landing file, which is recorded as `source_file`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pyarrow.parquet as pq

WORDS = {
    "prompt": "canaryprompt please call5550147x soon",
    "answer": "canaryanswer dear reader",
    "system prompt": "canarysystem you are a pirate",
    "tool argument": "canarytool cargo swordfish",
    "error text": "canaryerror could not parse input",
    "user name": "canaryuser jane doe",
    "address": "203.0.113.77",
}
SECRETS = {
    "e-mail": "canary.mail+x@leak.example.org",
    "key": "sk-canarykey0123456789abcdefXYZ",
    "bearer": "Bearer canarybearer0123456789abcdef",
    "aws key": "AKIACANARYCANARY1234",
}
# What betrays each text, however much of it is left.
_TRACES = {
    **{text.split()[0]: kind for kind, text in WORDS.items()},
    "canary.mail": "e-mail",
    "leak.example": "e-mail",
    "canarykey": "key",
    "canarybearer": "bearer",
    "swordfish": "tool argument",
    "5550147": "prompt",
    "pirate": "system prompt",
}
ALL_WORDS = " / ".join(WORDS.values())
ALL_SECRETS = " ".join(SECRETS.values())


def _forms(trace: str) -> Iterator[str]:
    """A trace as it stands, quoted for an address, and in base64 at each of the three offsets."""
    yield trace
    yield quote(trace, safe="").lower()
    for shift in range(3):
        packed = base64.b64encode(b" " * shift + trace.encode())
        # The first and last characters also hold bits of the neighbours.
        middle = packed[(0, 2, 3)[shift] : -4].decode()
        if len(middle) >= 8:
            yield middle.lower()


NEEDLES = {form: kind for trace, kind in _TRACES.items() for form in _forms(trace)}


def leaks_in(text: str) -> set[str]:
    """The kinds of canary that a text holds."""
    low = text.lower()
    found = {kind for needle, kind in NEEDLES.items() if needle in low}
    # In small letters it is no key any more.
    return found | ({"aws key"} if SECRETS["aws key"] in text else set())


def leaks_below(folder: Path) -> dict[str, set[str]]:
    """Where below a folder a canary lies: by file and column, the kinds."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for where, text in _texts_of(path):
            kinds = leaks_in(text)
            if kinds:
                found.setdefault(where, set()).update(kinds)
    return found


def _texts_of(path: Path) -> Iterator[tuple[str, str]]:
    raw = path.read_bytes()
    yield path.name, raw.decode("latin-1")
    if path.suffix == ".json":
        yield path.name, json.dumps(json.loads(raw), ensure_ascii=False)
    if path.suffix != ".parquet":
        return
    yield f"{path.name} metadata", str(pq.read_metadata(path).metadata)
    frame = pl.read_parquet(path, hive_partitioning=False)
    table = path.parts[-3] if "=" in path.parent.name else "rejects"
    for name in frame.columns:
        if frame.schema[name].is_numeric() or frame.schema[name].is_temporal():
            continue
        for value in frame[name].drop_nulls().unique().to_list():
            yield f"{table}.{name}", str(value)
