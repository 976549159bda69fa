"""Record what a build made different from what was recorded before.

Belongs here: comparing the marts with the last recording and writing the next one. Called by publish,
when the books balance and before they are put in place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec

from tokenworks.books.pieces import among, columns_of, different, order_of, piece_of
from tokenworks.books.reasons import Inputs, reasons_for
from tokenworks.books.recording import (
    ABOUT,
    COLUMNS,
    FORM,
    INPUTS,
    Piece,
    Recording,
    recordings,
    state_of,
)
from tokenworks_sources.settings import Settings


def record(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    found: Mapping[str, Mapping[str, Piece]],
    inputs: Inputs | None,
    now: datetime | None = None,
) -> Recording | None:
    """Record the pieces that differ from the last recording; None where none does.

    Args:
        settings: the home folder.
        connection: holds the marts as tables.
        found: their pieces as they are now, by mart.
        inputs: what the build read; None where that is not known.
        now: when the recording is made; the present where not given.
    """
    earlier = recordings(settings)
    known = state_of(earlier)
    changed = {
        mart: different(pieces, {name: last.piece for name, last in known.get(mart, {}).items()})
        for mart, pieces in found.items()
    }
    changed = {mart: pieces for mart, pieces in changed.items() if pieces}
    staging = settings.books / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    if not changed:
        for last in earlier[-1:]:
            _put_inputs(settings.history / last.recorded_at, inputs)
        return None
    moment = _after(earlier, now or datetime.now(UTC))
    written = {
        mart: _write(connection, mart, pieces, staging / moment, len(found[mart]))
        for mart, pieces in sorted(changed.items())
    }
    before = inputs_of(settings, earlier)
    recording = Recording(moment, reasons_for(before, inputs), written)
    (staging / moment / ABOUT).write_bytes(_encoded(recording))
    (staging / moment / ABOUT).chmod(0o444)
    _put_inputs(staging / moment, inputs or before)
    settings.history.mkdir(parents=True, exist_ok=True)
    os.replace(staging / moment, settings.history / moment)
    for older in earlier[-1:]:
        (settings.history / older.recorded_at / INPUTS).unlink(missing_ok=True)
    return recording


def _write(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    pieces: Mapping[str, Piece],
    folder: Path,
    all_pieces: int,
) -> dict[str, Piece]:
    """Write the changed pieces of a mart, which may be all that it has; the pieces with their files."""
    target = folder / mart
    target.mkdir(parents=True)
    columns = columns_of(connection, mart)
    # One thread: the rows of a piece keep the order of the mart.
    connection.execute("set threads = 1")
    if COLUMNS in pieces:
        path = target / f"{COLUMNS}.parquet"
        connection.execute(f"copy (from {mart} limit 0) to '{_quoted(path)}' (format parquet)")
    if any(piece.rows for piece in pieces.values()):
        some = f"where {among(columns, pieces)} order by {order_of(columns)}"
        connection.execute(
            f"copy (select *, {piece_of(columns)} as _piece from {mart} "
            f"{some if len(pieces) < all_pieces else ''}) to '{_quoted(target)}' "
            "(format parquet, compression zstd, partition_by (_piece), overwrite_or_ignore true)"
        )
    connection.execute("reset threads")
    return {name: _with_files(piece, name, target, folder) for name, piece in pieces.items()}


def _with_files(piece: Piece, name: str, target: Path, folder: Path) -> Piece:
    if name == COLUMNS:
        paths = [target / f"{COLUMNS}.parquet"]
    else:
        paths = sorted((target / f"_piece={name}").glob("*.parquet"))
    for path in paths:
        path.chmod(0o444)
    files = {str(path.relative_to(folder)): digest_of(path) for path in paths}
    return replace(piece, files=files)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def inputs_of(settings: Settings, earlier: list[Recording]) -> Inputs | None:
    """What the last recorded build had read; None where that is not known."""
    for recording in earlier[-1:]:
        path = settings.history / recording.recorded_at / INPUTS
        if path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=Inputs)
    return None


def _put_inputs(folder: Path, inputs: Inputs | None) -> None:
    if inputs is not None:
        beside = folder / f".{INPUTS}.next"
        beside.write_bytes(msgspec.json.encode(inputs))
        os.replace(beside, folder / INPUTS)


def _after(earlier: list[Recording], now: datetime) -> str:
    """The name of the next recording: now, and after the last one even where the clock went back."""
    moment = now.astimezone(UTC)
    if earlier:
        moment = max(moment, earlier[-1].moment + timedelta(microseconds=1))
    return moment.strftime(FORM)


def _encoded(recording: Recording) -> bytes:
    return msgspec.json.format(msgspec.json.encode(recording), indent=1)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
