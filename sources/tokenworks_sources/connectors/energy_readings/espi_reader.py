"""ESPI feeds (Green Button XML) as a stream: readings to a spool, the few other facts to memory.

Belongs here: namespaces, and which element is what. What the values mean belongs to `espi_links.py`,
`espi_query.py` and `espi_bills.py`.

Links may point forward (a `ReadingType` often follows its readings), so readings are spooled as text
and judged at the end. Most come as whole runs (`espi_runs.py`); the rest goes through the handlers
here, and inside an `IntervalBlock` only closing tags call Python.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tokenworks_sources.connectors.energy_readings.espi_feed import Entry, Feed, Summary
from tokenworks_sources.connectors.energy_readings.espi_runs import RunReader
from tokenworks_sources.connectors.energy_readings.espi_spool import READING_FIELDS, Spool
from tokenworks_sources.connectors.safe_xml import SEPARATOR, SafeXml
from tokenworks_sources.errors import LandingFileError

ATOM, ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"
BILLS = frozenset({"ElectricPowerUsageSummary", "UsageSummary"})
OTHER_SUMMARIES = frozenset({"ElectricPowerQualitySummary", "ReadingTypeSummary"})
CHARGE = "costAdditionalDetailLastPeriod"
# Entries and charges that are kept in memory; a feed of one house has some hundreds.
MOST_KEPT = 500_000


def read_feed(path: Path, stream: BinaryIO, folder: Path) -> Feed:
    """Parses a feed, spooling readings and blocks into Parquet files of `folder`.

    Raises:
        LandingFileError: not XML, not an ESPI feed, cut off, or with a document type or entities.
    """
    with Spool(folder) as spool:
        parser = _FeedParser(path, spool)
        RunReader(parser.xml, parser.block_prefix, spool.extend).read(stream)
        return parser.close()


class _Slots(dict[str, int]):
    """What a name in a block is, looked up once per spelling: the slot of a text, or a mark below 0."""

    READING, INTERVAL, BLOCK, OTHER = -1, -2, -3, -4

    def __missing__(self, name: str) -> int:
        namespace, local, _ = _named(name)
        marks = {
            "IntervalReading": self.READING,
            "interval": self.INTERVAL,
            "IntervalBlock": self.BLOCK,
        }
        slot = marks.get(local, self.OTHER)
        if local in READING_FIELDS:
            slot = READING_FIELDS.index(local)
        self[name] = slot = slot if namespace == ESPI else self.OTHER
        return slot


class _FeedParser:
    """Expat handlers. Outside blocks a stack of names gives context; inside, names alone do."""

    def __init__(self, path: Path, spool: Spool) -> None:
        self.path = path
        self.xml = SafeXml(path, "Green Button")
        self.result = Feed()
        self._spool = spool
        self._slots = _Slots()
        self._stack: list[str] = []
        self._entry = Entry()
        self._kept = 0
        self._summary: Summary | None = None
        self._summary_depth = 0
        self._pending_bills: list[Summary] = []
        self._pending_blocks: list[tuple[int, str | None]] = []
        self._prefix: str | None = None
        self._refs: dict[str, int] = {}
        self._is_espi = False
        self.xml.parser.namespace_prefixes = True
        self.xml.parser.StartElementHandler = self._start
        self.xml.parser.EndElementHandler = self._end

    def block_prefix(self) -> str | None:
        """Prefix of the interval block that is open, None outside of blocks."""
        return self._prefix

    def close(self) -> Feed:
        """The feed, once the document has ended."""
        self._close_entry()
        if not self._is_espi:
            raise self._not_green_button("the Atom feed holds nothing of http://naesb.org/espi.")
        self.result.readings = self._spool.readings
        return self.result

    def _not_green_button(self, what: str) -> LandingFileError:
        return LandingFileError(
            self.path,
            f"this is not a Green Button usage feed: {what}",
            "Land the XML that the utility offers as 'Green Button Download My Data'.",
        )

    def _keep(self) -> None:
        self._kept += 1
        if self._kept > MOST_KEPT:
            raise LandingFileError(
                self.path,
                f"the feed has more than {MOST_KEPT:,} entries beside its readings.",
                "Ask the utility for fewer meters or months in a feed.",
                self.xml.parser.CurrentLineNumber,
            )

    # -- outside blocks ---------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, local, prefix = _named(name)
        if not self._stack and namespace not in (ATOM, ESPI):
            raise self._not_green_button(
                f"its root is <{local}> of namespace {namespace or 'none'}."
            )
        self.xml.texts.clear()
        self._stack.append(local)
        self.xml.check_depth(len(self._stack))
        if namespace == ESPI:
            self._is_espi = True
            self._open_espi(local, prefix)
        elif namespace == ATOM and local == "entry":
            self._keep()
            self._entry = Entry()
        elif namespace == ATOM and local == "link" and "entry" in self._stack:
            self._keep()
            self._link(attributes.get("rel", "related"), attributes.get("href", ""))

    def _open_espi(self, local: str, prefix: str) -> None:
        if self._summary is not None:
            if local == CHARGE and len(self._stack) == self._summary_depth + 1:
                self._keep()
                self._summary.charges.append({})
        elif local == "IntervalBlock":
            self._enter_block(prefix)
        elif local in ("UsagePoint", "MeterReading", "ReadingType"):
            self._entry.kind = local
        elif local in BILLS:
            self._keep()
            self._summary = Summary(len(self.result.bills) + len(self._pending_bills) + 1)
            self._summary_depth = len(self._stack)
        elif local in OTHER_SUMMARIES:
            self.result.others += 1

    def _link(self, relation: str, href: str) -> None:
        if relation == "self":
            self._entry.self_link = href
        elif relation == "up":
            self._entry.up_link = href
        elif relation == "related":
            self._entry.related.append(href)

    def _end(self, name: str) -> None:
        text = "".join(self.xml.texts).strip()
        self.xml.texts.clear()
        local = self._stack.pop()
        parent = self._stack[-1] if self._stack else ""
        if self._summary is not None:
            self._summary_text(self._summary, local, text)
        elif parent == "entry" and name.startswith(ATOM):
            self._entry_text(local, text)
        elif parent == "feed" and local == "id":
            self.result.identifier = text
        elif parent in ("ReadingType", "ServiceCategory") and text:
            self._entry.facts[local] = text
        elif local == "entry" and name.startswith(ATOM):
            self._close_entry()

    def _summary_text(self, summary: Summary, local: str, text: str) -> None:
        path = [*self._stack[self._summary_depth :], local]
        if len(self._stack) < self._summary_depth:
            self._pending_bills.append(summary)
            self._summary = None
        elif path[0] == CHARGE and len(path) > 1:
            summary.charges[-1]["/".join(path[1:])] = text
        elif path[0] != CHARGE and text:
            summary.facts["/".join(path)] = text

    def _entry_text(self, local: str, text: str) -> None:
        if local == "id":
            self._entry.identifier = text
        elif local == "updated":
            self._entry.updated = text
        elif local == "published":
            self._entry.published = text

    def _close_entry(self) -> None:
        kept = {
            "UsagePoint": self.result.usage_points,
            "MeterReading": self.result.meter_readings,
            "ReadingType": self.result.reading_types,
        }.get(self._entry.kind)
        if kept is not None:
            kept.append(self._entry)
        for summary in self._pending_bills:
            summary.entry = self._entry
        self.result.bills += self._pending_bills
        self._pending_bills = []
        self._flush_blocks()
        self._entry = Entry()

    def _flush_blocks(self) -> None:
        if not self._pending_blocks:
            return
        entry = self._entry
        link = entry.up_link or entry.self_link.rstrip("/").rpartition("/")[0]
        ref = self._refs.get(link)
        if ref is None:
            ref = self._refs[link] = len(self.result.block_links)
            self.result.block_links.append(link)
        updated = entry.updated or entry.published or None
        for block, start in self._pending_blocks:
            self._spool.describe_block(block, ref, updated, start)
        self._pending_blocks.clear()

    # -- inside blocks ----------------------------------------------------------------------

    def _enter_block(self, prefix: str) -> None:
        self._prefix = prefix
        self.xml.parser.StartElementHandler = None
        self.xml.parser.EndElementHandler = self._block_handler()

    def _leave_block(self, block: int, start: str | None) -> None:
        self._prefix = None
        self._pending_blocks.append((block, start))
        self.xml.texts.clear()
        self._stack.pop()
        self.xml.parser.StartElementHandler = self._start
        self.xml.parser.EndElementHandler = self._end

    def _block_handler(self) -> Callable[[str], None]:
        """The closing-tag handler of one block; local variables because it runs per element."""
        slots, spool, spooled, texts = self._slots, self._spool, self._spool.values, self.xml.texts
        block = spool.open_block()
        width = len(READING_FIELDS)
        values: list[str | None] = [None] * width
        block_start: str | None = None

        def end(name: str) -> None:
            nonlocal values, block_start
            slot = slots[name]
            if slot >= 0:
                values[slot] = "".join(texts).strip() or None
            elif slot == _Slots.READING:
                spooled.extend(values)
                values = [None] * width
                spool.flush_if_full()
            elif slot == _Slots.INTERVAL:
                block_start = values[0]
                values = [None] * width
            elif slot == _Slots.BLOCK:
                self._leave_block(block, block_start)
            texts.clear()

        return end


def _named(name: str) -> tuple[str, str, str]:
    """Namespace, local name and prefix of a name as expat reports it; "" where there is none."""
    parts = name.split(SEPARATOR)
    if len(parts) == 1:
        return "", name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""
