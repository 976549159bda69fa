"""Pages of buckets, as the usage and cost interfaces of providers return them.

Belongs here: pages, buckets and results, whatever they count, and the fields that every row has. What
a result means belongs to its provider's module. A file is one page, several (JSONL, an array, one
after another), or bare buckets; one record is one result. Results are numbered through the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json import records as json_records
from tokenworks_sources.connectors.json.records import Record, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.json_fields import instant
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Row, Rows
from tokenworks_sources.contracts.usage_buckets import CONTRACT
from tokenworks_sources.normalise import pseudonym

# A page may hold a month of minutes for every model and key.
PAGE_BYTES = 1 << 27
NO_BUCKETS = "not a page of buckets"
PSEUDONYMS = ("user_pseudonym", "api_key_pseudonym")
_MICROSECONDS = timedelta(microseconds=1)

# The row of a result without its bucket, or why it holds nothing for the lake.
RowOf = Callable[[Record], Row | str]


def first_bucket(preview: Preview) -> Record:
    """The first bucket of a file, an empty object where it begins with none."""
    record = json_records.first_record(preview) or {}
    data = record.get("data")
    if isinstance(data, list):
        record = data[0] if data and isinstance(data[0], dict) else {}
    return record if isinstance(record.get("results"), list) else {}


def read(file: LandingFile, sink: Sink, row_of: RowOf, starts: str, ends: str) -> None:
    """Hands every result to the sink.

    Args:
        file: the landing file.
        sink: takes the rows.
        row_of: the columns of one result that do not come from its bucket.
        starts: key of the start of a bucket.
        ends: key of its end.
    """
    rows = Rows(sink, CONTRACT.table)
    number = 0
    for place, bucket in _buckets(file):
        results = bucket.get("results") if isinstance(bucket, dict) else None
        if isinstance(bucket, str) or not isinstance(results, list):
            sink.reject(place, bucket if isinstance(bucket, str) else NO_BUCKETS, b"")
            continue
        for result in results:
            number += 1
            if not isinstance(result, dict):
                sink.reject(number, json_records.NOT_AN_OBJECT, b"")
                continue
            raw = json_fields.as_raw(json_fields.numbers_of(result))
            try:
                row = row_of(result)
                if isinstance(row, str):
                    sink.skip(row, 1)
                    continue
                span = _span(bucket, starts, ends)
            except (FieldError, UsageError) as error:
                sink.reject(number, str(error), raw)
                continue
            rows.add(number, raw, _keyed(row | span, sink.pseudonym_key))
    rows.close()


def _buckets(file: LandingFile) -> Iterator[tuple[int, Record | str]]:
    """Buckets with the number of their page, or why a page is none."""
    for number, page in json_records.records_of(file.path, PAGE_BYTES):
        if isinstance(page, str) or "data" not in page:
            yield number, page
            continue
        data = page["data"]
        if not isinstance(data, list):
            yield number, NO_BUCKETS
            continue
        for bucket in data:
            yield number, bucket if isinstance(bucket, dict) else json_records.NOT_AN_OBJECT


def _span(bucket: Record, starts: str, ends: str) -> Row:
    start, end = instant(bucket.get(starts), starts), instant(bucket.get(ends), ends)
    if start is None or end is None:
        raise FieldError(f"{ends if start else starts}: missing")
    return {"bucket_start": start, "bucket_seconds": whole_seconds(start, end, ends)}


def whole_seconds(start: datetime, end: datetime, field: str) -> int:
    """Length of a bucket.

    Raises:
        FieldError: it ends before it starts, or within a second.
    """
    length, rest = divmod((end - start) // _MICROSECONDS, 1_000_000)
    if length <= 0 or rest:
        raise FieldError(f"{field}: not whole seconds after the start")
    return length


def _keyed(row: Row, key: bytes) -> Row:
    """Users and keys, which row_of gives as they are, under their pseudonyms."""
    named = {name: row[name] for name in PSEUDONYMS if row.get(name) is not None}
    return row | {name: pseudonym(str(value), key) for name, value in named.items()}


def groups(result: Record, columns: dict[str, str]) -> Row:
    """The groups that a result names, by column, and the list of those it does not leave null."""
    given = {
        column: value
        for key, column in columns.items()
        if (value := _group(result, key, column)) is not None
    }
    return {**given, "grouped_by": ",".join(sorted(given))}


def _group(result: Record, key: str, column: str) -> str | bool | None:
    if CONTRACT.column(column).type != "boolean":
        return text_at(result, key)
    value = result.get(key)
    return value if isinstance(value, bool) else None
