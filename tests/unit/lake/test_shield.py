"""What is left of e-mails and keys in rows that DuckDB streams into the lake, and in frames."""

from __future__ import annotations

from datetime import datetime

import duckdb
import polars as pl
import pytest

from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.lake.shield import shield_rows, shielded_rows, texts_of
from tokenworks_sources.normalise import pseudonym
from tokenworks_sources.pseudonyms import remember_key

KEY = b"0123456789abcdef"
CONTRACT = Contract(
    table="notes",
    grain="one note",
    description="Texts of every kind that the shield tells apart.",
    event_time="at",
    key=("note_id",),
    columns=(
        Column("note_id", "string", "Key.", required=True),
        Column("at", "timestamp", "When.", required=True),
        Column("session_id", "string", "Identifier."),
        Column("tags", "string", "Words."),
        Column("error_type", "string", "One word."),
        Column("user_pseudonym", "string", "Never looked at."),
        Column("status", "string", "Closed set.", allowed=("ok",)),
    ),
)
NAMES = ("note_id", "session_id", "tags", "error_type", "user_pseudonym", "status")
MARK = "‹redacted›"
SECRETS = [
    "ada@example.org",
    "a%40b.io",
    "a\\u0040b.io",
    "sk-abcdefghijklmnop",
    "pk_abcdefghijklmnop",
    "rk_live_abcdefghijkl",
    "AKIAABCDEFGHIJKLMNOP",
    "ASIAABCDEFGHIJKLMNOP",
    "ghp_abcdefghijklmnopqrst",
    "ghs_abcdefghijklmnopqrst",
    "github_pat_abcdefghijklmnopqrst",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-abcdefghij",
    "hf_abcdefghijklmnopqrst",
    "AIzaabcdefghijklmnopqrstuvwxyz0123",
    "eyJhbGciO.eyJzdW.",
    "Bearer abcdefghijklmnop",
    "bEARER  abcdefghijklmnop==",
]


def streamed(row: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The texts of a row behind the shield of queries; other rows stand around it."""
    with duckdb.connect() as connection:
        remember_key(connection, KEY)
        columns = ", ".join(f"{name} varchar" for name in NAMES)
        connection.execute(f"create table given (place integer, {columns})")
        values = ", ".join("?" for _ in NAMES)
        for place, texts in enumerate((("a",) * len(NAMES), row, (None,) * len(NAMES))):
            connection.execute(f"insert into given values ({place}, {values})", texts)
        rows, texts_sql = shielded_rows(CONTRACT, "select * from given")
        selected = ", ".join(texts_sql.get(name, name) for name in NAMES)
        before, found, behind = connection.execute(
            f"select {selected} from ({rows}) order by place"
        ).fetchall()
    assert before == ("a",) * len(NAMES)
    assert behind == (None,) * len(NAMES)
    return tuple(found)


def framed(row: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The same behind the shield of frames."""
    frame = pl.DataFrame([row], schema=dict.fromkeys(NAMES, pl.String()), orient="row")
    frame = frame.with_columns(at=pl.lit(datetime(2026, 9, 1)))
    return tuple(shield_rows(CONTRACT, frame, lambda: KEY).select(NAMES).row(0))


def test_free_texts_are_looked_at_when_they_are_no_pseudonym_and_no_closed_set() -> None:
    assert texts_of(CONTRACT) == {
        "note_id": True,
        "session_id": True,
        "tags": False,
        "error_type": False,
    }


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_secret_stays_when_any_text_holds_it(secret: str) -> None:
    row = ("n", secret, f'["x", "{secret}"]', None, "p", "ok")

    found = streamed(row)

    assert found == ("n", pseudonym(secret, KEY), f'["x", "{MARK}"]', None, "p", "ok")
    assert framed(row) == found


@pytest.mark.parametrize(
    "texts",
    [
        ("chatcmpl-AbC_123", "task-scheduler_hub", '["high", "r d", "NVIDIA"]', "Timeout"),
        ("a", "sk-", "abcdefghijklmnopqrstu", None),  # no secret goes from one text into the next
        ("ada@", "example.org", "", "x"),
        ("n", "bearer", "abcdefghijklmnopqrst", None),
    ],
)
def test_texts_stay_when_they_hold_no_secret(texts: tuple[str | None, ...]) -> None:
    row = (*texts, "p", "ok")

    assert streamed(row) == row
    assert framed(row) == row


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Timeout", "Timeout"),
        ("no such model", MARK),
        ("x" * 128, "x" * 128),
        ("x" * 129, MARK),
        ("ada@example.org", MARK),
    ],
)
def test_one_word_columns_keep_one_word_when_an_emitter_puts_text_there(
    text: str, left: str
) -> None:
    row = ("n", None, None, text, "p", "ok")

    assert streamed(row)[3] == left
    assert framed(row)[3] == left


def test_identifiers_are_pseudonyms_as_a_whole_when_they_hold_a_secret_in_the_middle() -> None:
    row = ("run of ada@example.org", None, None, None, "p", "ok")

    # HMAC-SHA-256 of the text with KEY, by `openssl dgst -sha256 -hmac`.
    assert streamed(row)[0] == PSEUDONYM
    assert framed(row)[0] == PSEUDONYM


PSEUDONYM = "cacabfcfd990b7fed8bd90d161920bca"
