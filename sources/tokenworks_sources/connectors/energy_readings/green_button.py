"""Green Button XML (NAESB ESPI feeds) into `energy_readings` and `energy_bills`.

What producers get wrong, and what happens here:

- Three namespace styles, comments and stylesheet instructions before the root: names are compared
  by namespace, never by prefix.
- Links are absolute, relative or missing, and readings come before their `ReadingType`: see
  `espi_links.py`. A usage point's id is its path, for example `RetailCustomer/1/UsagePoint/1`; a bare
  `UsagePoint/meter-7` is `meter-7`. A second energy stream of one direction is named by its meter
  reading, so that nothing is counted twice under one meter.
- Gas, water, volume and reactive units share feeds with electricity: skipped, each with its reason.
  Registers (cumulative, summation, bulk) are skipped as well: an interval is not in them.
- No accumulation behaviour: taken as interval data (deltaData).
- No `timePeriod`: block start + position × `intervalLength`. No or zero duration: `intervalLength`.
- `cost` counts 1/100,000 of the currency; the power-of-ten multiplier is not for it. Without a currency
  (none, or 0) it is left out and noted: the energy is known all the same.
- The same interval published twice: the later `updated` wins, then the later place in the file; the
  other is skipped and counted. Days of 82,800 and 90,000 s are summer-time changes and stay.
- Usage summaries are bills: their lines sum to `billLastPeriod` (`espi_bills.py`). The same bill in a
  later feed has the same `bill_id`.
- Local time written as `start` cannot be told from UTC; that feed is shifted, and only a comparison
  with another meter shows it.

One record is one `IntervalReading` (`source_line` is its number in the feed), one summary or one charge
of a summary (`source_line` is the number of the summary).
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.energy_readings import espi_query
from tokenworks_sources.connectors.energy_readings.espi_bills import outcomes_of
from tokenworks_sources.connectors.energy_readings.espi_feed import Feed
from tokenworks_sources.connectors.energy_readings.espi_links import streams_of
from tokenworks_sources.connectors.energy_readings.espi_reader import read_feed
from tokenworks_sources.contracts.energy import BILLS
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.engine import connected
from tokenworks_sources.landing import open_decompressed

_NAMESPACE = re.compile(r"""xmlns(?::[\w.-]+)?\s*=\s*["']http://naesb\.org/espi["']""")

# Tables beyond this spill to the scratch folder.
MEMORY_LIMIT = "512MB"


class GreenButton:
    """Connector of Green Button usage feeds."""

    name = "green_button"
    table = "energy_readings"
    tables = ("energy_readings", "energy_bills")
    version = "3"
    summary = "Green Button XML: interval readings and bills of electricity meters (NAESB ESPI)"

    def recognise(self, preview: Preview) -> str | None:
        """XML that declares the ESPI namespace."""
        text = preview.text
        if text is None or not text.lstrip().startswith("<"):
            return None
        return "XML of namespace http://naesb.org/espi" if _NAMESPACE.search(text) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        sink.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="espi-", dir=sink.scratch) as folder:
            with open_decompressed(file.path) as stream:
                feed = read_feed(file.path, stream, Path(folder))
            charges = sum(len(bill.charges) for bill in feed.bills)
            sink.expect(feed.readings + len(feed.bills) + charges + feed.others)
            sink.skip("summary of quality or of reading types: no bill", feed.others)
            _hand_over_bills(feed, sink)
            spill = Path(folder) / "spill"
            with connected(spill, memory=MEMORY_LIMIT, keeps_order=True) as connection:
                _hand_over(connection, Path(folder), feed, sink)


def _hand_over(connection: duckdb.DuckDBPyConnection, folder: Path, feed: Feed, sink: Sink) -> None:
    espi_query.judge(connection, folder, streams_of(feed))
    for reason, readings in connection.execute(espi_query.SKIPPED).fetchall():
        sink.skip(reason.removeprefix("skip: "), readings)
    rejects = connection.cursor().execute(espi_query.REJECTED)
    while batch := rejects.fetchmany(10_000):
        for number, reason, raw in batch:
            sink.reject(number, reason.removeprefix("reject: "), raw)
    costs = connection.execute(espi_query.OF_NO_CURRENCY).fetchone()
    if costs and costs[0]:
        sink.note("cost without a currency: left out", costs[0])
    sink.copy("energy_readings", connection, espi_query.ROWS)


def _hand_over_bills(feed: Feed, sink: Sink) -> None:
    rows: list[dict[str, object]] = []
    for outcome in outcomes_of(feed):
        if outcome.reject:
            sink.reject(1, outcome.reject, "")
        elif outcome.skip:
            sink.skip(outcome.skip, 1)
        for index, row in enumerate(outcome.rows):
            rows.append({**row, "_records": int(index == 0)})
    if rows:
        types = {**polars_schema(BILLS), "_records": pl.Int64()}
        names = [name for name in types if any(name in row for row in rows)]
        sink.write("energy_bills", pl.DataFrame(rows, {name: types[name] for name in names}))


CONNECTOR = GreenButton()
