"""Offers of GPUs: the gpu-pricing list and Oracle's price list."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.gpu_offers import gpu_pricing, oracle_prices
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

OFFER = {
    "id": "acme-h100-spot",
    "provider_id": "acme",
    "gpu_model": "NVIDIA H100 SXM5",
    "gpu_brand": "NVIDIA",
    "vram_gb": 80,
    "interconnect": "SXM",
    "tier": "community",
    "is_spot": True,
    "price_usd_hour": 1.99,
    "vcpu": 28,
    "ram_gb": None,
    "notes": "ask ada@example.org",
    "collected_at": "2026-05-24",
}


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: object, connector, about: str | None = None):
        folder = tmp_path / "lists"
        folder.mkdir(exist_ok=True)
        path, beside = folder / "offers.json", ()
        path.write_text(json.dumps(content))
        assert recognise(preview_of(path)).connector is connector
        if about is not None:
            (folder / "about.yaml").write_text(about)
            beside = (folder / "about.yaml",)
        outcome = ingest_file(path, connector, beside)
        return outcome.frames["gpu_offers"], outcome.rejects, outcome.manifest

    return run


def test_offer_lands_whole_without_its_notes_when_it_is_plain(ingest) -> None:
    rows, rejects, _ = ingest([OFFER], gpu_pricing.CONNECTOR)
    assert rejects.is_empty()
    assert rows.drop("source_file", "source_digest", "event_date").rows() == [
        (
            "acme", "acme-h100-spot", datetime(2026, 5, 24), None, None, "NVIDIA H100 SXM5", 1,
            80.0, "SXM", 28.0, None, "spot", "community", Decimal("1.99"), "USD", 1,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price_usd_hour": -1}, "price_usd_hour: not a number of at least 0"),
        ({"collected_at": None}, "collected_at: not a day (YYYY-MM-DD)"),
        ({"is_spot": "no"}, "is_spot: not true or false"),
        ({"gpu_model": ""}, "gpu_model: missing"),
    ],
)
def test_offer_is_rejected_when_a_part_of_it_is_unusable(
    ingest, fields: dict[str, object], reason: str
) -> None:
    rows, rejects, manifest = ingest([OFFER, {**OFFER, **fields}], gpu_pricing.CONNECTOR)
    assert rows.height == 1
    assert rejects.select("source_line", "reason").rows() == [(2, reason)]
    assert manifest.records_in == 2


def item(name: str, metric: str, *prices: dict) -> dict:
    local = [{"currencyCode": "USD", "prices": list(prices)}]
    return {
        "partNumber": "B1",
        "displayName": name,
        "metricName": metric,
        "currencyCodeLocalizations": local,
    }


def test_oracle_products_are_offers_when_they_are_metered_by_gpu(ingest) -> None:
    rows, rejects, manifest = ingest(
        {
            "items": [
                item("Oracle Java", "OCPU Per Hour", {"model": "PAY_AS_YOU_GO", "value": 0.3}),
                item(
                    "Compute  - GPU - A100 - v2",
                    "GPU Per Hour",
                    {"model": "PAY_AS_YOU_GO", "value": 4},
                    {"model": "MONTHLY_COMMIT", "value": 3.2},
                ),
            ]
        },
        oracle_prices.CONNECTOR,
        "observed_at: 2026-06-01",
    )
    assert rejects.is_empty()
    assert rows.select(
        "gpu_model", "purchase_option", "price_per_hour", "observed_at", "source_line"
    ).rows() == [
        ("A100 v2", "on_demand", Decimal(4), datetime(2026, 6, 1), 2),
        ("A100 v2", "reserved", Decimal("3.2"), datetime(2026, 6, 1), 2),
    ]
    assert (manifest.records_in, manifest.records_out) == (2, 1)


def test_oracle_list_is_refused_when_nothing_says_when_it_was_seen(ingest) -> None:
    with pytest.raises(LandingFileError, match="observed_at: YYYY-MM-DD"):
        ingest({"items": [item("GPU", "GPU Per Hour")]}, oracle_prices.CONNECTOR)


def test_sidecar_is_refused_when_it_says_something_unknown(ingest) -> None:
    with pytest.raises(LandingFileError, match="may say zone, date_order"):
        ingest({"items": [item("GPU", "m")]}, oracle_prices.CONNECTOR, "seen: 2026-06-01")


def test_real_lists_land_whole_when_ingested(
    shared_data: Path, tmp_path: Path, ingest_file: Callable
) -> None:
    about = tmp_path / "about.yaml"
    about.write_text("observed_at: 2026-06-01\n")
    bills = shared_data / "cloud_bills"
    for name, connector, records, offers in (
        ("gpu_offerings.json.gz", gpu_pricing.CONNECTOR, 310, 310),
        ("gpu_providers.json", gpu_pricing.CONNECTOR, 21, 310),
        ("oracle_prices_usd.json.gz", oracle_prices.CONNECTOR, 450, 317),
    ):
        assert recognise(preview_of(bills / name)).connector is connector
        outcome = ingest_file(bills / name, connector, (about,))
        assert (outcome.manifest.records_in, outcome.rejects.height) == (records, 0)
        assert outcome.frames["gpu_offers"].height == offers
    oracle = outcome.frames["gpu_offers"].filter(pl.col("provider") == "oracle")
    assert oracle.filter(pl.col("gpu_model") == "H100")["price_per_hour"].to_list() == [Decimal(10)]
