"""What one recording of the books says, and reading all of them.

A recording is one folder of `books/history/`, named by its time: the pieces of the marts that came out
different from what was recorded before, and `recording.json`. A piece is one mart on one date. The
folder is made beside and renamed, so a recording is there whole or not at all; its files are read-only
and never change again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

FORM = "%Y%m%dT%H%M%S.%fZ"
ABOUT, INPUTS = "recording.json", "inputs.json"
# Pieces of a mart that are no date: its columns, and what stands in no date's books.
COLUMNS, UNDATED = "0-columns", "undated"
LEDGER = "fct_cost_ledger"

Totals = dict[str, str]
"""Sums of a piece by what they are, such as `billed EUR`, as exact decimals."""


class BooksError(TokenworksError):
    """The recorded books are not there, or not as they were recorded."""


@dataclass(frozen=True)
class Piece:
    """One mart on one date, as one recording found it.

    Attributes:
        rows: number of rows; none where the date has lost them all.
        fingerprint: equal fingerprints, equal rows.
        files: digest by file, relative to the recording; none where there is no row.
        totals: money by what it is.
    """

    rows: int
    fingerprint: str
    files: dict[str, str] = field(default_factory=dict)
    totals: Totals = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """What one build made different, and why.

    Attributes:
        recorded_at: when, as the name of its folder.
        reasons: what had changed, one sentence each.
        marts: pieces by mart and date.
    """

    recorded_at: str
    reasons: list[str]
    marts: dict[str, dict[str, Piece]]

    @property
    def moment(self) -> datetime:
        """When it was recorded, UTC."""
        return datetime.strptime(self.recorded_at, FORM).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    """A piece and the recording that holds it."""

    recorded_at: str
    piece: Piece


State = Mapping[str, Mapping[str, Found]]
"""The last version of each piece, by mart and date."""


def recordings(settings: Settings) -> list[Recording]:
    """All recordings, the oldest first.

    Raises:
        BooksError: one of them cannot be read.
    """
    if not settings.history.is_dir():
        return []
    decoder = msgspec.json.Decoder(Recording)
    folders = sorted(path for path in settings.history.iterdir() if path.is_dir())
    found = []
    for folder in folders:
        try:
            found.append(decoder.decode((folder / ABOUT).read_bytes()))
        except (msgspec.DecodeError, FileNotFoundError) as error:
            raise BooksError(
                f"{folder / ABOUT}: cannot be read ({error}). Put the folder books/ back from a backup; "
                "nothing else says what was recorded."
            ) from error
    return found


def state_of(found: list[Recording]) -> dict[str, dict[str, Found]]:
    """What the recordings leave: of each piece the last version."""
    state: dict[str, dict[str, Found]] = {}
    for recording in found:
        for mart, pieces in recording.marts.items():
            state.setdefault(mart, {}).update(
                {name: Found(recording.recorded_at, piece) for name, piece in pieces.items()}
            )
    return state


def date_of(piece: str) -> date | None:
    """The date of a piece; of a month its first; None for what has none."""
    try:
        return date.fromisoformat(piece if len(piece) > len("2026-10") else f"{piece}-01")
    except ValueError:
        return None


def path_of(settings: Settings, recorded_at: str, file: str) -> Path:
    """Where a file of a recording lies."""
    return settings.history / recorded_at / file
