"""Green Button readings per second, beside the barest way to read the same file.

Run it with `python tests/benchmarks/bench_energy.py [readings]`. Bare expat calls three empty
handlers: it checks, scales, links, deduplicates and counts nothing. Peak memory is that of a process
of its own, for one feed and for one four times as long.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from counting_sink import CountingSink

from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.energy_readings import green_button

XML_GOAL = 150_000
DAY = 96
METERS = 50
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:uuid:0</id>'
TYPE = (
    '<entry><link rel="self" href="ReadingType/1"/><content><ReadingType xmlns="http://naesb.org/espi">'
    "<accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity><currency>840</currency>"
    "<flowDirection>1</flowDirection><intervalLength>900</intervalLength>"
    "<powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom></ReadingType></content></entry>"
)


def write_feed(path: Path, readings: int) -> int:
    """A feed of many meters, one block per meter and day; the reading type comes last."""
    blocks = readings // DAY
    with path.open("w") as stream:
        stream.write(ATOM)
        for number in range(blocks):
            day, meter = divmod(number, METERS)
            up = f"UsagePoint/{meter}/MeterReading/1/IntervalBlock"
            stream.write(
                f'<entry><link rel="self" href="{up}/{day}"/><link rel="up" href="{up}"/><content>\n'
                '<IntervalBlock xmlns="http://naesb.org/espi"><interval><duration>86400</duration>'
                f"<start>{1_700_000_000 + day * 86_400}</start></interval>\n"
            )
            stream.writelines(reading(day, slot) for slot in range(DAY))
            stream.write("</IntervalBlock></content></entry>\n")
        stream.write(TYPE + "</feed>")
    return blocks * DAY


def reading(day: int, slot: int) -> str:
    return f"""        <IntervalReading>
          <cost>{974 + slot}</cost>
          <timePeriod>
            <duration>900</duration>
            <start>{1_700_000_000 + (day * DAY + slot) * 900}</start>
          </timePeriod>
          <value>{282 + slot}</value>
        </IntervalReading>
"""


def bare_expat(path: Path) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: None
    parser.EndElementHandler = lambda name: None
    parser.CharacterDataHandler = lambda text: None
    with path.open("rb") as stream:
        parser.ParseFile(stream)


def ingest(connector: Connector, path: Path, records: int) -> None:
    sink = CountingSink(path.parent)
    connector.read(LandingFile(path, path.name, "0"), sink)
    assert sink.records == sink.expected == records, (sink.records, sink.expected, records)


Times = tuple[float, float]


def best(runs: int, *calls: Callable[[], None]) -> list[Times]:
    """Least wall and CPU seconds of each call, after one to warm up.

    The calls take turns, so that other load meets all of them; CPU seconds feel it least.
    """
    least: list[Times] = [(float("inf"), float("inf"))] * len(calls)
    for run in range(runs + 1):
        for index, call in enumerate(calls):
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            spent = time.perf_counter() - wall, time.process_time() - cpu
            if run:
                least[index] = min(least[index][0], spent[0]), min(least[index][1], spent[1])
    return least


def report(name: str, records: int, bare: Times, ours: Times) -> None:
    print(f"{name}: {records / ours[0]:,.0f}/s, {records / ours[1]:,.0f} per CPU-second; ", end="")
    print(f"bare {records / bare[0]:,.0f}/s, {records / bare[1]:,.0f} per CPU-second; ", end="")
    print(f"{ours[0] / bare[0]:.2f} × its time, {ours[1] / bare[1]:.2f} × its CPU")


def peak_megabytes(readings: int) -> float:
    """Peak memory of a process that writes and ingests one feed."""
    command = [sys.executable, __file__, "--peak", str(readings)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(readings: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "feed.xml"
        ingest(green_button.CONNECTOR, path, write_feed(path, readings))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(readings: int) -> None:
    # First, because a child's peak counts the pages it had from this process.
    small, large = peak_megabytes(readings), peak_megabytes(4 * readings)
    print(f"Green Button peak: {small:,.0f} MB, {large:,.0f} MB for a feed four times as long")
    with tempfile.TemporaryDirectory() as name:
        feed = Path(name) / "feed.xml"
        written = write_feed(feed, readings)
        times = best(
            3, lambda: bare_expat(feed), lambda: ingest(green_button.CONNECTOR, feed, written)
        )
        report(f"Green Button (goal {XML_GOAL:,}/s)", written, *times)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
