"""`normalise.pseudonym` in SQL: DuckDB has SHA-256, and this is the HMAC made of it.

The secret is a pair of variables of the connection; queries name them and do not hold it.
"""

from __future__ import annotations

import hashlib

import duckdb

_BLOCK = 64
_INNER, _OUTER = "tokenworks_inner_pad", "tokenworks_outer_pad"


def remember_key(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Gives a connection the secret of the pseudonyms."""
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    for variable, pad in ((_INNER, 0x36), (_OUTER, 0x5C)):
        connection.execute(f"set variable {variable} = ?::blob", [bytes(b ^ pad for b in padded)])


def pseudonym_of(sql: str) -> str:
    """The pseudonym of the text `sql`, null where that is null."""
    inner = f"sha256(getvariable('{_INNER}') || encode({sql}))"
    return f"left(sha256(getvariable('{_OUTER}') || unhex({inner})), 32)"
