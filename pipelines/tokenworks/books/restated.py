"""What each recording restated, why, and the money that it moved.

Belongs here: reading that off the recordings. How it is shown belongs to `cli/books.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tokenworks.books.recording import Found, Piece, Recording, date_of, state_of


@dataclass(frozen=True)
class Restated:
    """One recording, in the terms of the books.

    Attributes:
        recorded_at: when, UTC.
        reasons: what had changed, one sentence each.
        new_dates: dates that were recorded for the first time.
        restated_dates: dates of which something had been recorded before.
        moved: change of the restated dates' money by what it is; what did not move is left out.
    """

    recorded_at: datetime
    reasons: tuple[str, ...]
    new_dates: tuple[date, ...]
    restated_dates: tuple[date, ...]
    moved: dict[str, Decimal]


def restatements(recordings: Iterable[Recording]) -> list[Restated]:
    """All recordings in the terms of the books, the oldest first."""
    known: dict[str, dict[str, Found]] = {}
    found = []
    for recording in recordings:
        found.append(_restated(recording, known))
        for mart, pieces in state_of([recording]).items():
            known.setdefault(mart, {}).update(pieces)
    return found


def _restated(recording: Recording, known: dict[str, dict[str, Found]]) -> Restated:
    dates, before = set(), set()
    moved: dict[str, Decimal] = {}
    for mart, pieces in recording.marts.items():
        for name, piece in pieces.items():
            day, last = date_of(name), known.get(mart, {}).get(name)
            if day is None:
                continue
            dates.add(day)
            if last is not None:
                before.add(day)
                for what, amount in _difference(last.piece, piece).items():
                    moved[what] = moved.get(what, Decimal(0)) + amount
    return Restated(
        recording.moment,
        tuple(recording.reasons),
        tuple(sorted(dates - before)),
        tuple(sorted(before)),
        {what: amount for what, amount in sorted(moved.items()) if amount},
    )


def _difference(before: Piece, now: Piece) -> dict[str, Decimal]:
    return {
        what: Decimal(now.totals.get(what, "0")) - Decimal(before.totals.get(what, "0"))
        for what in before.totals.keys() | now.totals.keys()
    }
