"""MLPerf power runs: what the files beside a power log say about its clock and its window.

Pure readers of `server.json`/`client.json` (the session) and `mlperf_log_detail.txt` (LoadGen). The
samples themselves are read by `ptdaemon.py`; all of them land, and a query cuts them to the window.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

TIME_FORMAT = "%m-%d-%Y %H:%M:%S.%f"
_LOGGED = ":::MLLOG "


class PowerWindow(NamedTuple):
    """Begin and end of the measured run, naive UTC."""

    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Session:
    """What a session file says about clocks.

    Attributes:
        timezone: seconds to add to the server's local time to get UTC.
        phases: first and last moment of each phase, naive UTC; they come from the Unix epoch.
    """

    timezone: int
    phases: tuple[tuple[datetime, datetime], ...]


def power_window(detail: Path) -> PowerWindow:
    """`power_begin` and `power_end` of a LoadGen detail log, which writes them in UTC.

    Energy of the run is the sum of watts × seconds of the samples whose `interval_start` lies between.

    Raises:
        LandingFileError: the log does not hold both.
    """
    found: dict[str, datetime] = {}
    with open_decompressed(detail) as stream:
        for number, line in enumerate(stream, 1):
            text = line.decode("utf-8", "replace")
            if text.startswith(_LOGGED) and '"power_' in text:
                event = _event(detail, number, text)
                found[event["key"]] = datetime.strptime(event["value"], TIME_FORMAT)
    if not {"power_begin", "power_end"} <= set(found):
        raise LandingFileError(
            detail,
            "the LoadGen log has no power_begin and power_end.",
            "Take the mlperf_log_detail.txt of a run that was measured with power.",
        )
    return PowerWindow(found["power_begin"], found["power_end"])


def _event(detail: Path, number: int, text: str) -> dict[str, str]:
    try:
        event: dict[str, str] = json.loads(text.removeprefix(_LOGGED))
    except json.JSONDecodeError as error:
        raise LandingFileError(
            detail, f"not a LoadGen event: {error}.", "Ship the log again, whole.", number
        ) from error
    return event


def session_of(path: Path) -> Session:
    """The clocks of a `server.json` or `client.json`.

    Raises:
        LandingFileError: not a session file of the MLPerf power client and server.
    """
    with open_decompressed(path) as stream:
        text = stream.read()
    try:
        document: dict[str, Any] = json.loads(text)
        timezone = int(document["timezone"])
        phases = tuple(
            (_moment(marks[0]), _moment(marks[-1]))
            for marks in document.get("phases", {}).values()
            if marks
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise LandingFileError(
            path,
            f"not a session file of MLPerf power ({type(error).__name__}: {error}).",
            "Ship the server.json of the run again, whole.",
        ) from error
    return Session(timezone, phases)


def _moment(mark: list[float]) -> datetime:
    return datetime.fromtimestamp(mark[0], UTC).replace(tzinfo=None)


def offset_of(session: Session, first: datetime, last: datetime) -> timedelta | None:
    """What turns a log's clock into UTC, proven by the phases of its session.

    The session names the server's zone, but PTDaemon may run under another (published logs are in
    UTC while their `timezone` says 25200). The right one of the two puts the first and the last
    sample into one phase; None where neither or both do.
    """
    fitting = [
        offset
        for offset in {timedelta(0), timedelta(seconds=session.timezone)}
        if any(
            begin <= first + offset and last + offset <= end + timedelta(seconds=1)
            for begin, end in session.phases
        )
    ]
    return fitting[0] if len(fitting) == 1 else None
