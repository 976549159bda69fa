"""ESPI feeds (Green Button XML) as a stream: readings to a spool, the few other facts to memory.

Belongs here: expat, namespaces, refusal of entities, and which element is what. What the values
mean belongs to `espi_links.py` and `espi_query.py`.

Links may point forward (a `ReadingType` often follows its readings), so readings are spooled as
text and judged at the end. Inside an `IntervalBlock` only closing tags call Python: with 22 events
per reading that is the difference between 260,000 and 180,000 readings per second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from tokenworks_sources.connectors.energy_readings.espi_feed import Entry, Feed
from tokenworks_sources.connectors.energy_readings.espi_spool import (
    READING_FIELDS,
    SPOOLED_READINGS,
    Spool,
)
from tokenworks_sources.errors import LandingFileError

ATOM, ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"
# A space cannot occur in a namespace or a name, so "namespace name" is unambiguous.
SEPARATOR = " "
CHUNK_BYTES = 1 << 18
SUMMARIES = frozenset(
    {
        "ElectricPowerUsageSummary",
        "ElectricPowerQualitySummary",
        "UsageSummary",
        "ReadingTypeSummary",
    }
)


def read_feed(path: Path, stream: BinaryIO, folder: Path) -> Feed:
    """Parses a feed, spooling readings and blocks into Parquet files of `folder`.

    Raises:
        LandingFileError: not XML, not an ESPI feed, cut off, or with a document type or entities.
    """
    with Spool(folder) as spool:
        parser = _FeedParser(path, spool)
        while chunk := stream.read(CHUNK_BYTES):
            parser.feed(chunk)
        return parser.close()


class _FeedParser:
    """Expat handlers. Outside blocks a stack of names gives context; inside, names alone do."""

    def __init__(self, path: Path, spool: Spool) -> None:
        self.path = path
        self.result = Feed()
        self._spool = spool
        self._stack: list[str] = []
        self._texts: list[str] = []
        self._entry = Entry()
        self._pending_blocks: list[tuple[int, str | None]] = []
        self._refs: dict[str, int] = {}
        self._is_espi = False
        self._parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        # A C function: no Python frame per text.
        self._parser.CharacterDataHandler = self._texts.append
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._parser.ExternalEntityRefHandler = self._refuse_doctype

    def feed(self, chunk: bytes) -> None:
        """Parses the next bytes."""
        self._parse(chunk, final=False)

    def close(self) -> Feed:
        """Ends the document and checks that it was an ESPI feed."""
        self._parse(b"", final=True)
        self._flush_blocks()
        if not self._is_espi:
            raise self._not_green_button("the Atom feed holds nothing of http://naesb.org/espi.")
        self.result.readings = self._spool.readings
        return self.result

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise LandingFileError(
                self.path,
                f"the XML cannot be read: {expat.ErrorString(error.code)}.",
                "Download the feed again, whole.",
                error.lineno,
            ) from error
        except (LookupError, ValueError) as error:
            raise LandingFileError(
                self.path, f"the XML cannot be read: {error}.", "Save the feed as UTF-8."
            ) from error

    def _refuse_doctype(self, *_: object) -> int:
        raise LandingFileError(
            self.path,
            "the XML declares a document type or entities, which Green Button never needs.",
            "Refused, because entities can exhaust memory or read other files.",
            self._parser.CurrentLineNumber,
        )

    def _not_green_button(self, what: str) -> LandingFileError:
        return LandingFileError(
            self.path,
            f"this is not a Green Button usage feed: {what}",
            "Land the XML that the utility offers as 'Green Button Download My Data'.",
        )

    # -- outside blocks ---------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(SEPARATOR)
        if not self._stack and namespace not in (ATOM, ESPI):
            raise self._not_green_button(
                f"its root is <{local}> of namespace {namespace or 'none'}."
            )
        self._texts.clear()
        self._stack.append(local)
        if namespace == ESPI:
            self._is_espi = True
            self._open_espi(local)
        elif namespace == ATOM and local == "entry":
            self._entry = Entry()
        elif namespace == ATOM and local == "link" and "entry" in self._stack:
            self._link(attributes.get("rel", "related"), attributes.get("href", ""))

    def _open_espi(self, local: str) -> None:
        if local == "IntervalBlock":
            self._enter_block()
        elif local in ("UsagePoint", "MeterReading", "ReadingType"):
            self._entry.kind = local
        elif local in SUMMARIES:
            self.result.summaries += 1

    def _link(self, relation: str, href: str) -> None:
        if relation == "self":
            self._entry.self_link = href
        elif relation == "up":
            self._entry.up_link = href
        elif relation == "related":
            self._entry.related.append(href)

    def _end(self, name: str) -> None:
        text = "".join(self._texts).strip()
        self._texts.clear()
        local = self._stack.pop()
        parent = self._stack[-1] if self._stack else ""
        if parent == "entry" and name.startswith(ATOM):
            self._entry_text(local, text)
        elif parent == "feed" and local == "id":
            self.result.identifier = text
        elif parent in ("ReadingType", "ServiceCategory") and text:
            self._entry.facts[local] = text
        elif local == "entry" and name.startswith(ATOM):
            self._close_entry()

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

    def _enter_block(self) -> None:
        self._parser.StartElementHandler = None
        self._parser.EndElementHandler = self._block_handler()

    def _leave_block(self, block: int, start: str | None) -> None:
        self._pending_blocks.append((block, start))
        self._texts.clear()
        self._stack.pop()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def _block_handler(self) -> Callable[[str], None]:
        """The closing-tag handler of one block; local variables because it runs per element."""
        prefix = ESPI + SEPARATOR
        slot_of = {prefix + local: index for index, local in enumerate(READING_FIELDS)}.get
        reading, interval, block_name = (
            prefix + local for local in ("IntervalReading", "interval", "IntervalBlock")
        )
        spool, spooled, texts = self._spool, self._spool.values, self._texts
        block = spool.open_block()
        width = len(READING_FIELDS)
        full = SPOOLED_READINGS * width
        values: list[str | None] = [None] * width
        block_start: str | None = None

        def end(name: str) -> None:
            nonlocal values, block_start
            slot = slot_of(name)
            if slot is not None:
                values[slot] = "".join(texts).strip() or None
            elif name == reading:
                spooled.extend(values)
                values = [None] * width
                if len(spooled) >= full:
                    spool.flush()
            elif name == interval:
                block_start = values[0]
                values = [None] * width
            elif name == block_name:
                self._leave_block(block, block_start)
            texts.clear()

        return end
