"""CodeCarbon's `emissions.csv`, the energy of runs of a program, into `energy_readings`.

What the emitter gets wrong, and what happens here:

- A tracker that writes more than once writes the whole run each time: `duration` and `energy_consumed`
  count from its beginning. Lines of one run that began at one moment become what was added between them.
- `timestamp` is the local time at which the line was written, without a zone: about.yaml beside the file
  names the `zone`. A reading begins where the line before it ended, else `duration` before that time.
- CPU and memory are often estimated from what a chip may draw, so every reading is `estimated`, and of the
  whole machine only where `tracking_mode` is machine. It holds the file's `pue`: noted where that is not 1.
- `emissions` are the same energy times a yearly factor of the country: not kept, as the books have grid
  intensities of their own. Runs that took no time or that nobody measured have no energy: rejected.
- Nothing names the host: the meter is the folder of the file, and the project behind it.

One record is one line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath

from tokenworks_sources.connectors import about, tabular
from tokenworks_sources.connectors.about import About
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.rows import Rows

NEEDED = ("timestamp", "duration", "energy_consumed")
COLUMNS = (*NEEDED, "run_id", "project_name", "task_name", "pue")
_OWN = frozenset((*NEEDED, "emissions", "project_name"))
# Times are cut to seconds, and a line is written a moment after it was measured.
_SAME_BEGINNING = timedelta(seconds=2)


class _LineError(ValueError):
    """A line that cannot be used; its text is the reject reason."""


@dataclass(frozen=True)
class _State:
    """A run as a line tells it: when that was, how long it had taken, and what it had used."""

    end: datetime
    seconds: float
    kwh: float

    @property
    def begin(self) -> datetime:
        return self.end - timedelta(seconds=self.seconds)


class CodeCarbonRuns:
    """Connector of CodeCarbon's runs."""

    name = "codecarbon_runs"
    table = "energy_readings"
    tables = ("energy_readings",)
    version = "1"
    summary = "CodeCarbon emissions.csv: energy of runs"

    def recognise(self, preview: Preview) -> str | None:
        """A header of runs with their energy and emissions."""
        header = tabular.header_of(preview.first_line)
        return "columns duration, emissions, energy_consumed" if set(header) >= _OWN else None

    def version_of(self, file: LandingFile) -> str:
        """See `registry.Versioned`."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        folder = PurePath(file.name).parent.name
        runs = _Runs(file, about.beside(file.path))
        rows = Rows(sink, self.table, {"flow_direction": "import", "quality": "estimated"})
        with_pue = 0
        blocks = tabular.read_csv(
            file.path, sink, NEEDED, "CodeCarbon's emissions.csv", wanted=COLUMNS
        )
        for block in blocks:
            for record in block.iter_rows(named=True):
                number = record["source_line"]
                try:
                    reading = runs.reading(record)
                except _LineError as error:
                    sink.reject(number, str(error), "")
                    continue
                project = record.get("project_name")
                meter = f"{folder}:{project}" if project else folder
                rows.add(number, "", {"meter_id": meter, **reading})
                with_pue += _number(record.get("pue") or "1") != 1.0
        rows.close()
        if with_pue:
            sink.note("energy of a run holds its pue", with_pue)


CONNECTOR = CodeCarbonRuns()


class _Runs:
    """What each run had used when it was last told of."""

    def __init__(self, file: LandingFile, said: About) -> None:
        self._file, self._said = file, said
        self._last: dict[tuple[str | None, ...], _State] = {}

    def reading(self, record: dict[str, str | None]) -> dict[str, object]:
        """The energy that a line adds, with its interval."""
        state = _State(
            self._time(record["timestamp"] or ""),
            _number(record["duration"], "duration"),
            _number(record["energy_consumed"], "energy_consumed"),
        )
        run = (record.get("project_name"), record.get("run_id"), record.get("task_name"))
        before = self._last.get(run)
        begin, kwh = state.begin, state.kwh
        if before and abs(before.begin - state.begin) <= _SAME_BEGINNING:
            begin, kwh = before.end, state.kwh - before.kwh
            if state.end <= before.end or kwh < 0:
                raise _LineError("run: a state that a line before it has passed")
        if state.end <= begin:
            raise _LineError("duration: the run took no time")
        self._last[run] = state
        seconds = max(1, round((state.end - begin).total_seconds()))
        return {
            "interval_start": state.end - timedelta(seconds=seconds),
            "interval_seconds": seconds,
            "energy_kwh": kwh,
            "average_power_kw": kwh * 3600 / seconds,
        }

    def _time(self, text: str) -> datetime:
        try:
            local = datetime.fromisoformat(text)
            if local.tzinfo is None:
                about.zone_needed(
                    self._file.path, self._said, "its times are local", "Europe/Paris"
                )
            return self._said.utc_of(local)
        except (ValueError, OverflowError) as error:
            raise _LineError("timestamp: not a time") from error


def _number(text: str | None, name: str = "") -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if name and not 0 <= number <= 1e9:
        raise _LineError(f"{name}: not a number of at least 0")
    return number
