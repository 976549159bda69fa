"""FOCUS 1.0 to 1.4 cost and usage, CSV or Parquet, into `charges`.

What generators get wrong, and what happens here:

- Literal `NULL` beside empty strings: both are null. Decimals in quotes or in E notation: read.
- Times without a zone, with `Z` or an offset, without seconds: UTC, as FOCUS prescribes.
- More than 12 fraction digits (costs that went through doubles): rounded half away from zero; up
  to 12 every digit survives. Costs never pass through a float: a double column of Parquet is read
  by its shortest decimal text.
- Tags as JSON, as a map (Parquet), as a list of keys and values (Google), or without the outer braces
  (Azure): one JSON object. Text that is no JSON is kept under `x_raw`. E-mails and keys in tags, names and descriptions become a mark.
- `Usage-based` (Oracle): enumerations are compared without case and get FOCUS's spelling.
- Columns that FOCUS does not know (`Id`, `x_…`): not read. `ServiceProviderName` fills `provider_name`
  where `ProviderName` is missing (1.3 and later), and so do `Provider`, `Publisher`, `InvoiceIssuer`,
  `Region`, `UsageQuantity` and `UsageUnit`, which Oracle kept from before 1.0; the Allocated columns of 1.3 describe a split that
  the rows already carry.
- Columns that a warehouse wrote all small or large, or in snake_case: read.
- BOM, CRLF, line ends and quotes inside quotes, other delimiters: read. Mixed line ends: refused.

`source_line` is the number of the record, the header of a CSV being 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges.bill_file import BillFormat, names_of, read_bill
from tokenworks_sources.connectors.charges.bill_query import (
    Charges,
    Relation,
    unreadable,
)
from tokenworks_sources.connectors.charges.focus_columns import (
    is_focus,
    missing,
    own_name,
    sources_of,
)
from tokenworks_sources.connectors.charges.values import (
    Field,
    enumerated,
    first,
    moment,
    money,
    tags,
    text,
)
from tokenworks_sources.contracts.charges import CONTRACT, MONEY
from tokenworks_sources.contracts.model import Column
from tokenworks_sources.errors import LandingFileError


def _check(path: Path, names: Sequence[str]) -> None:
    lacking = missing(names)
    if lacking and not is_focus(names):
        raise FORMAT.refuse(path, f"it lacks {', '.join(lacking)}.")
    if lacking:
        raise LandingFileError(
            path,
            f"the FOCUS columns {', '.join(lacking)} are missing.",
            "Export the file with all mandatory columns of FOCUS, or bring it by a mapping.",
        )


def _charges(
    file: LandingFile, relation: Relation, connection: duckdb.DuckDBPyConnection
) -> Charges:
    sources = {
        column.name: [
            (name, relation.fields[name]) for name in sources_of(column.name, relation.fields)
        ]
        for column in CONTRACT.columns
    }
    return Charges(
        {
            column.name: first(*(_value(column, field) for _, field in sources[column.name]))
            for column in CONTRACT.columns
            if sources[column.name]
        },
        [
            unreadable(name, field, column.type)
            for column in CONTRACT.columns
            if column.type != "string"
            for name, field in sources[column.name]
        ],
    )


def _value(column: Column, field: Field) -> str:
    if column.type == MONEY:
        return money(field)
    if column.type == "timestamp":
        return moment(field)
    if column.name == "tags":
        return tags(field)
    return enumerated(column, field) if column.allowed else text(field)


FORMAT = BillFormat(
    what="a FOCUS cost and usage file",
    hint="Land CSV (plain, gzip or zstd) or Parquet as the provider's FOCUS export writes it.",
    name_of=own_name,
    check=_check,
    charges=_charges,
)


class Focus:
    """Connector of FOCUS cost and usage files."""

    name = "focus"
    table = "charges"
    tables = ("charges",)
    version = "6"
    summary = "FOCUS 1.0 to 1.4 cost and usage, CSV or Parquet"

    def recognise(self, preview: Preview) -> str | None:
        """A header, or a Parquet schema, with the required columns of FOCUS."""
        names = names_of(FORMAT, preview)
        return "FOCUS columns such as ChargeCategory and BilledCost" if is_focus(names) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row."""
        read_bill(file, sink, FORMAT)


CONNECTOR = Focus()
