"""Offers of the gpu-pricing list (`offerings.json`) into `gpu_offers`.

What the list means, and what happens here:

- `price_usd_hour` is for one GPU, whatever the provider rents it in; `vcpu` and `ram_gb` come with one.
- `collected_at` is a day without a zone: UTC, its first moment. An offer without it is a reject.
- `is_spot` says what may be taken back; `tier` is the provider's own word, `marketplace` and `community`
  among them, and stays beside it.
- Region is not in the list. Notes and caveats are text of people and are not read.
- `providers.json` beside it only describes the providers: skipped.
"""

from __future__ import annotations

from datetime import datetime

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.exact import NOT_AN_AMOUNT, amount_of
from tokenworks_sources.connectors.json.records import Record, first_record, records_of
from tokenworks_sources.connectors.rows import Rows

TELLING = ("provider_id", "gpu_model", "price_usd_hour", "is_spot", "collected_at")
PROVIDER_KEYS = frozenset({"id", "name", "url", "color", "blurb"})


class GpuPricing:
    """Connector of the gpu-pricing list."""

    name = "gpu_pricing"
    table = "gpu_offers"
    tables = ("gpu_offers",)
    version = "1"
    summary = "GPU offers of gpu-pricing (offerings.json, providers.json)"

    def recognise(self, preview: Preview) -> str | None:
        """Offers with a GPU, a price per hour and a day, or the providers beside them."""
        record = first_record(preview) or {}
        if all(key in record for key in TELLING):
            return f"offers with {', '.join(TELLING[1:3])}"
        return "providers of GPU offers" if set(record) == PROVIDER_KEYS else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one offer."""
        rows = Rows(sink, self.table)
        for line, record in records_of(file.path):
            if isinstance(record, str):
                sink.reject(line, record, "")
            elif set(record) == PROVIDER_KEYS:
                sink.skip("describes a provider", 1)
            elif isinstance(offer := _offer(record), str):
                sink.reject(line, offer, "")
            else:
                rows.add(line, "", offer)
        rows.close()


def _offer(record: Record) -> dict[str, object] | str:
    """The offer, or why it is none."""
    price = amount_of(record.get("price_usd_hour"))
    if price is None:
        return f"price_usd_hour: {NOT_AN_AMOUNT}"
    try:
        seen = datetime.strptime(str(record.get("collected_at")), "%Y-%m-%d")
    except ValueError:
        return "collected_at: not a day (YYYY-MM-DD)"
    spot = record.get("is_spot")
    if not isinstance(spot, bool):
        return "is_spot: not true or false"
    return {
        "provider": _text(record.get("provider_id")),
        "offer_id": _text(record.get("id")),
        "observed_at": seen,
        "gpu_model": _text(record.get("gpu_model")),
        "gpu_count": 1,
        "gpu_memory_gigabytes": _number(record.get("vram_gb")),
        "interconnect": _text(record.get("interconnect")),
        "vcpus": _number(record.get("vcpu")),
        "memory_gigabytes": _number(record.get("ram_gb")),
        "purchase_option": "spot" if spot else "on_demand",
        "tier": _text(record.get("tier")),
        "price_per_hour": price,
        "currency": "USD",
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    amount = amount_of(value)
    return None if amount is None else float(amount)


CONNECTOR = GpuPricing()
