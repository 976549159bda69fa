"""E-mails and keys in text that people wrote, in Python and in DuckDB alike."""

from __future__ import annotations

import duckdb
import pytest

from tokenworks_sources.connectors.free_text import shield, shielded


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Owner=Ada.Lovelace+x@mail.example.org", "Owner=‹redacted›"),
        ("sk-proj-abcdefgh12345678ABCD", "‹redacted›"),
        ("key AKIAABCDEFGHIJKLMNOP in use", "key ‹redacted› in use"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "‹redacted›"),
        ("Bearer abcdef0123456789abcdef", "‹redacted›"),
        ("eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl", "‹redacted›"),
        ('{"a@b.example": "x", "team": "chat"}', '{"‹redacted›": "x", "team": "chat"}'),
        ("arn:aws:s3:::bucket/task-scheduler", "arn:aws:s3:::bucket/task-scheduler"),
        ("2 @ $0.05 per GB-Mo", "2 @ $0.05 per GB-Mo"),
        ("i-081360af1l266l589", "i-081360af1l266l589"),
        ("A" * 3_000_000, "A" * 3_000_000),
        ("-eyJabcdef" * 100_000 + " to ada@example.org", "-eyJabcdef" * 100_000 + " to ‹redacted›"),
        ("", ""),
    ],
    ids=lambda text: text[:30],
)
def test_only_secrets_are_marked_when_text_holds_them(text: str, left: str) -> None:
    assert shield(text) == left
    found = duckdb.connect().execute(f"select {shielded('t')} from (select ? as t)", [text])
    assert found.fetchone() == (left,)
