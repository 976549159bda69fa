"""ENTSO-E market documents as a stream of time series: elements to plain data, no meaning yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tokenworks_sources.connectors.safe_xml import SEPARATOR, SafeXml
from tokenworks_sources.errors import LandingFileError

ROOT = "Publication_MarketDocument"
ACKNOWLEDGEMENT = "Acknowledgement_MarketDocument"
# A year of quarter-hours is 35,136; a period with more positions is no market's.
MOST_POINTS = 200_000


@dataclass
class Point:
    """One price; `number` counts the points of the document from 1."""

    number: int
    position: str | None = None
    price: str | None = None


@dataclass
class Period:
    """Prices between two moments, as texts."""

    start: str | None = None
    end: str | None = None
    resolution: str | None = None
    points: list[Point] = field(default_factory=list)


@dataclass
class Series:
    """One time series: its facts by element name, its periods in order."""

    facts: dict[str, str] = field(default_factory=dict)
    periods: list[Period] = field(default_factory=list)


class DocumentReader:
    """Calls back with each whole series, so that a document of any length streams.

    Attributes:
        points: number of points so far.
        root: name of the root element.
    """

    def __init__(self, path: Path, accept: Callable[[Series], None]) -> None:
        self.points = 0
        self.root = ""
        self._accept = accept
        self._path = path
        self._xml = SafeXml(path, "a market document")
        self._stack: list[str] = []
        self._series = Series()
        self._xml.parser.StartElementHandler = self._start
        self._xml.parser.EndElementHandler = self._end

    def read(self, stream: BinaryIO) -> None:
        """Reads the document to its end."""
        self._xml.read(stream)

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.rpartition(SEPARATOR)[2]
        self._xml.texts.clear()
        self._stack.append(local)
        self._xml.check_depth(len(self._stack))
        if len(self._stack) == 1:
            self._enter_root(local)
        elif local == "TimeSeries":
            self._series = Series()
        elif local == "Period":
            self._series.periods.append(Period())
        elif local == "Point" and self._series.periods:
            self._add_point()

    def _enter_root(self, local: str) -> None:
        if local not in (ROOT, ACKNOWLEDGEMENT):
            raise LandingFileError(
                self._path,
                "its root is not a price document of ENTSO-E.",
                "Ask the API for document type A44.",
            )
        self.root = local

    def _add_point(self) -> None:
        self.points += 1
        points = self._series.periods[-1].points
        if len(points) >= MOST_POINTS:
            raise LandingFileError(
                self._path,
                f"a period has more than {MOST_POINTS:,} points.",
                "Ask the API for at most one year at a time.",
                self._xml.parser.CurrentLineNumber,
            )
        points.append(Point(self.points))

    def _end(self, name: str) -> None:
        text = "".join(self._xml.texts).strip()
        self._xml.texts.clear()
        local = self._stack.pop()
        parent = self._stack[-1] if self._stack else ""
        if local == "TimeSeries":
            self._accept(self._series)
            self._series = Series()
        elif parent == "TimeSeries" and local != "Period":
            self._series.facts[local] = text
        elif self._series.periods:
            _into(self._series.periods[-1], parent, local, text)


def _into(period: Period, parent: str, local: str, text: str) -> None:
    if parent == "timeInterval" and local == "start":
        period.start = text
    elif parent == "timeInterval" and local == "end":
        period.end = text
    elif parent == "Period" and local == "resolution":
        period.resolution = text
    elif parent == "Point" and period.points:
        if local == "position":
            period.points[-1].position = text
        elif local == "price.amount":
            period.points[-1].price = text
