"""FOCUS rows per second, beside the barest way to read the same file.

Run it with `python tests/benchmarks/bench_charges.py [rows]`. Bare DuckDB reads the columns that the lake
holds with their types and copies them to Parquet: no check, no line number, no reject, no time zone, no
mark on e-mails. Peak memory is that of a process of its own, for one file and for one four times as long.
"""

from __future__ import annotations

import csv
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from counting_sink import CountingSink, to_parquet

from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.charges import focus
from tokenworks_sources.connectors.charges.focus_columns import KNOWN, focus_name
from tokenworks_sources.contracts.charges import CONTRACT

GOAL = 1.2
RUNS = 5
ROWS = 300_000
CHARGE = {
    "AvailabilityZone": "us-west-2a",
    "BilledCost": "0.34000000000",
    "BillingAccountId": "1234567890123",
    "BillingAccountName": "Fleet",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2024-10-01 00:00:00",
    "BillingPeriodStart": "2024-09-01 00:00:00",
    "ChargeCategory": "Usage",
    "ChargeClass": "NULL",
    "ChargeDescription": "$0.34 per On Demand Linux c5.2xlarge Instance Hour",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2024-09-26 01:00:00",
    "ChargePeriodStart": "2024-09-26 00:00:00",
    "CommitmentDiscountId": "NULL",
    "CommitmentDiscountStatus": "NULL",
    "ConsumedQuantity": "1.000000000000000",
    "ConsumedUnit": "Hours",
    "ContractedCost": "0.31000000000",
    "ContractedUnitPrice": "0.31000000000",
    "EffectiveCost": "0.31000000000",
    "InvoiceIssuerName": "Lessor, Inc.",
    "ListCost": "0.34000000000",
    "ListUnitPrice": "0.34",
    "PricingCategory": "Standard",
    "PricingQuantity": "1.00000000000",
    "PricingUnit": "Hours",
    "ProviderName": "Lessor",
    "PublisherName": "Lessor, Inc.",
    "RegionId": "us-west-2",
    "RegionName": "US West (Oregon)",
    "ResourceId": "i-081360af1l266l589",
    "ResourceName": "NULL",
    "ResourceType": "instance",
    "ServiceCategory": "Compute",
    "Id": "121035",
    "ServiceName": "Elastic Compute",
    "SkuId": "H9ZN7EUEHC2S7YH5",
    "SkuPriceId": "H9ZN7EUEHC2S7YH5.JRTCKXETXF.6YS6EN2CT7",
    "SubAccountId": "11353890204",
    "SubAccountName": "Atlas Orion",
    "Tags": '{"application": "chat", "environment": "dev", "business_unit": "Data"}',
}


def write_charges(path: Path, rows: int) -> None:
    """Rows of a real export's shape: text in quotes, NULL without."""
    out = io.StringIO()
    csv.DictWriter(out, list(CHARGE), quoting=csv.QUOTE_ALL).writerow(CHARGE)
    record = out.getvalue().replace('"NULL"', "NULL")
    with path.open("w", newline="") as stream:
        stream.write(",".join(CHARGE) + "\r\n")
        for start in range(0, rows, 10_000):
            stream.write(record * min(10_000, rows - start))


def bare_duckdb(path: Path, target: Path) -> None:
    """The same columns with the same types."""
    kinds = {focus_name(column.name): column.type for column in CONTRACT.columns}
    types = ", ".join(
        f"'{name}': '{kinds.get(name, 'string').replace('string', 'varchar')}'" for name in CHARGE
    )
    names = ", ".join(f'"{name}"' for name in CHARGE if name in KNOWN)
    to_parquet(
        duckdb.connect(),
        f"select {names} from read_csv('{path}', columns = {{{types}}}, auto_detect = false, "
        "header = true, nullstr = ['', 'NULL'], quote = '\"', escape = '\"')",
        target,
    )


def ingest(connector: Connector, path: Path, records: int) -> None:
    sink = CountingSink(path.parent)
    connector.read(LandingFile(path, path.name, "0"), sink)
    assert sink.records == sink.expected == records, (sink.records, sink.expected, records)


def measure(*calls: Callable[[], None]) -> list[tuple[float, float]]:
    """Median wall and CPU seconds of each call, after one to warm up; the calls take turns."""
    spent: list[list[tuple[float, float]]] = [[] for _ in calls]
    for run in range(RUNS + 1):
        for index, call in enumerate(calls):
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            if run:
                spent[index].append((time.perf_counter() - wall, time.process_time() - cpu))
    return [
        (statistics.median(wall for wall, _ in runs), statistics.median(cpu for _, cpu in runs))
        for runs in spent
    ]


def peak_megabytes(rows: int) -> float:
    """Peak memory of a process that writes and ingests one file."""
    command = [sys.executable, __file__, "--peak", str(rows)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "focus.csv"
        write_charges(path, rows)
        ingest(focus.CONNECTOR, path, rows)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(rows: int) -> int:
    small, large = peak_megabytes(rows), peak_megabytes(4 * rows)
    print(f"FOCUS CSV peak: {small:,.0f} MB, {large:,.0f} MB for a file four times as long")
    with tempfile.TemporaryDirectory() as name:
        path, target = Path(name) / "focus.csv", Path(name) / "bare.parquet"
        write_charges(path, rows)
        bare, ours = measure(
            lambda: bare_duckdb(path, target), lambda: ingest(focus.CONNECTOR, path, rows)
        )
    print(
        f"FOCUS CSV (goal {GOAL} ×): {rows / ours[0]:,.0f} rows/s, bare {rows / bare[0]:,.0f}; ",
        end="",
    )
    print(f"{ours[0] / bare[0]:.2f} × its time, {ours[1] / bare[1]:.2f} × its CPU")
    return 0 if ours[0] <= GOAL * bare[0] else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(int(sys.argv[2]))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
