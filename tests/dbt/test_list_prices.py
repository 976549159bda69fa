"""List prices in the warehouse against those that genai-prices computed of real usage bodies.

Its data holds what every extractor made of every body; only where that is what the body says (the same
counts as ours) do the prices have to be the same.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from tokenworks.warehouse import build_warehouse
from tokenworks_sources.connectors.requests.usage import TokenClasses, UsageError, of_usage_body
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

Priced = tuple[TokenClasses, str, str, Decimal, Decimal]
AUGUST = datetime(2026, 8, 15)
CLASSES = (
    "input_total",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_5m",
    "input_cache_write_1h",
    "output_total",
    "output_reasoning",
)


def _same_counts(counts: dict[str, int], classes: TokenClasses) -> bool:
    ours = {
        "input_tokens": classes.input_total,
        "output_tokens": classes.output_total,
        "cache_read_tokens": classes.input_cache_read,
        "cache_write_tokens": classes.input_cache_write,
    }
    return all(counts.get(name, 0) == (value or 0) for name, value in ours.items())


def _priced(items: list[dict[str, Any]]) -> Iterator[Priced]:
    """Each usage body with provider, model and the prices that were computed of it."""
    for item in items:
        usage = item["body"].get("usage") or item["body"].get("usageMetadata")
        if "model" not in item or not isinstance(usage, dict):
            continue
        try:
            classes = of_usage_body(usage)
        except UsageError:
            continue
        for extracted in item["extracted"]:
            counts = extracted["usage"]
            if any("audio" in name for name in counts) or not _same_counts(counts, classes):
                continue
            for extractor in extracted["extractors"]:
                if "input_price" in extractor:
                    yield (
                        classes,
                        extractor["provider_id"],
                        item["model"],
                        Decimal(extractor["input_price"]),
                        Decimal(extractor["output_price"]),
                    )


@pytest.fixture(scope="module")
def listed(
    shared_data: Path, small_lake: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, str, int, int, Decimal, Decimal]]:
    """Provider, model, our input and output price in 1e-12 dollars, and the published ones."""
    settings = Settings.at(tmp_path_factory.mktemp("lists") / "home")
    bills = shared_data / "cloud_bills"
    target = settings.landing / "prices" / "genai_prices" / "data.json.gz"
    target.parent.mkdir(parents=True)
    target.write_bytes((bills / "genai_prices_data.json.gz").read_bytes())
    assert not ingest_landing(settings).with_status("failed")
    with gzip.open(bills / "genai_prices_usages_slice_shared.json.gz") as stream:
        priced = list(_priced(json.load(stream)))
    rows, published = [], {}
    for number, (classes, provider, model, *prices) in enumerate(priced):
        name = f"{number}"
        published[name] = (provider, model, *prices)
        rows.append(
            {
                "emitter": "bodies", "request_id": name, "started_at": AUGUST, "clock": "utc",
                "status": "success", "provider": provider, "model_served": model,
                **{f"{key}_tokens": getattr(classes, key) for key in CLASSES},
            }
        )  # fmt: skip
    small_lake.write_lake(settings.lake, {"requests": rows})
    build_warehouse(settings, threads=1)
    with duckdb.connect(str(settings.home / "build" / "warehouse.duckdb"), read_only=True) as db:
        found = db.execute(
            "select l.request_id, l.input_units + l.cache_read_units, l.output_units "
            "from int_costs__request_list as l inner join int_requests__attempts as a "
            "using (request_id) inner join int_prices__models as m "
            "on a.provider = m.provider and a.model_served = m.model_served "
            "where m.price_provider = a.provider"
        ).fetchall()
    return [
        (*published[name][:2], read, written, *published[name][2:]) for name, read, written in found
    ]


def test_list_prices_equal_those_of_the_library_when_all_classes_are_known(listed) -> None:
    known = [row for row in listed if row[2] is not None and row[3] is not None]
    assert len(known) > 250
    unit = Decimal("1e-12")
    wrong = [
        row
        for row in known
        if (row[2] * unit, row[3] * unit) != (row[4].quantize(unit), row[5].quantize(unit))
    ]
    assert wrong == []
