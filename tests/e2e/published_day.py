"""An operator's published day as the files that the operator would have landed.

Belongs here: how a day that is known only by its totals becomes leases, a fleet, a price sheet and a request
log in the formats that connectors read. The totals belong to the test that cites them. By hand:

    python -m tests.e2e.published_day HOME
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedDay:
    """What an operator said of one day.

    Attributes:
        begins: first instant, UTC.
        model: name under which the tokens were sold.
        input_tokens: all input tokens.
        cached_tokens: those of them that a cache answered.
        output_tokens: output tokens.
        node_hours: hours of one node, summed over the nodes.
        gpus_per_node: GPUs of a node.
        usd_per_gpu_hour: lease of one GPU.
        prices: list price of a million tokens by token class.
        weights: GPU-seconds per token: uncached input, output, cached input.
    """

    begins: datetime
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    node_hours: int
    gpus_per_node: int
    usd_per_gpu_hour: Decimal
    prices: dict[str, str]
    weights: tuple[float, float, float]

    @property
    def ends(self) -> datetime:
        """The instant after the day."""
        return self.begins + timedelta(days=1)

    def nodes(self) -> Iterator[tuple[str, int]]:
        """Each node and its hours: all stay the whole day but the last one."""
        whole, rest = divmod(self.node_hours, 24)
        for number in range(whole):
            yield f"node-{number:03d}", 24
        if rest:
            yield f"node-{whole:03d}", rest


# The day from 2025-02-27 12:00 to 2025-02-28 12:00 (UTC+8) of DeepSeek-V3 and R1:
# github.com/deepseek-ai/open-infra-index (CC0),
# 202502OpenSourceWeek/day_6_one_more_thing_deepseekV3R1_inference_system_overview.md
DEEPSEEK = PublishedDay(
    begins=datetime(2025, 2, 27, 4),
    model="deepseek-r1",
    input_tokens=608_000_000_000,
    cached_tokens=342_000_000_000,
    output_tokens=168_000_000_000,
    node_hours=5_442,  # 226.75 nodes on average
    gpus_per_node=8,
    usd_per_gpu_hour=Decimal(2),
    prices={"input_cache_read": "0.14", "input_uncached": "0.55", "output": "2.19"},
    # 73.7 k input tokens a second and node, of which 266 of 608 were computed; 14.8 k output tokens.
    weights=(8 / (73_700 * 266 / 608), 8 / 14_800, 0.0),
)


def write_landing(day: PublishedDay, landing: Path) -> None:
    """All files of the day."""
    _write(landing / "fleet" / "fleet_yaml" / "fleet.yaml", yaml.safe_dump(_fleet(day)))
    _write_csv(landing / "charges" / "focus" / "leases.csv", list(_leases(day)))
    _write_csv(landing / "prices" / "mapped" / "list_prices.csv", list(_prices(day)))
    rows = "".join(f"{json.dumps(row)}\n" for row in _spend(day))
    _write(landing / "requests" / "litellm" / "spend.jsonl", rows)


def _fleet(day: PublishedDay) -> dict[str, Any]:
    prefill, decode, cache_read = day.weights
    nodes = list(day.nodes())
    gpus = {name: [f"GPU-{name}-{n}" for n in range(day.gpus_per_node)] for name, _ in nodes}

    def held(hours: int) -> dict[str, str]:
        return {"valid_to": _iso(day.begins + timedelta(hours=hours))}

    return {
        "valid_from": _iso(day.begins),
        "reporting_currency": "USD",
        "sites": [{"id": "site", "region": "cn", "time_zone": "Asia/Shanghai", "pue": 1.0,
                   "currency": "USD"}],
        "servers": [
            {"id": name, "site": "site", "gpu_model": "NVIDIA H800", "gpus": gpus[name],
             "ownership": "leased", **held(hours)}
            for name, hours in nodes
        ],
        "tiers": [{"id": "all", "rank": 1}],
        "deployments": [
            {"id": "online", "key": "online", "model": day.model, "tier": "all", "site": "site",
             "weights": {
                 "prefill_seconds_per_token": prefill,
                 "decode_seconds_per_token": decode,
                 "cache_read_seconds_per_token": cache_read,
             },
             "replicas": [
                 {"id": name, "endpoint": f"{name}:8000", "gpus": gpus[name], **held(hours)}
                 for name, hours in nodes
             ]}
        ],
        "tenants": [{"id": "public", "name": "Web, app and API"}],
    }  # fmt: skip


def _leases(day: PublishedDay) -> Iterator[dict[str, str]]:
    for name, hours in day.nodes():
        cost = str(day.usd_per_gpu_hour * day.gpus_per_node * hours)
        yield {
            "BilledCost": cost, "BillingAccountId": "operator", "BillingAccountName": "Operator",
            "BillingCurrency": "USD", "BillingPeriodStart": _iso(day.begins.replace(day=1, hour=0)),
            "BillingPeriodEnd": _iso(_next_month(day.begins)), "ChargeCategory": "Usage",
            "ChargeFrequency": "Usage-Based", "ChargeDescription": f"Lease of {name}",
            "ChargePeriodStart": _iso(day.begins),
            "ChargePeriodEnd": _iso(day.begins + timedelta(hours=hours)),
            "ContractedCost": cost, "EffectiveCost": cost, "ListCost": cost,
            "InvoiceId": "LEASES", "InvoiceIssuerName": "Lessor", "ProviderName": "Lessor",
            "PublisherName": "Lessor", "ResourceId": name, "ServiceCategory": "Compute",
            "ServiceName": "GPU nodes",
        }  # fmt: skip


def _prices(day: PublishedDay) -> Iterator[dict[str, str]]:
    for token_class, price in day.prices.items():
        yield {
            "provider": "operator", "model": day.model, "token_class": token_class,
            "valid_from": _iso(day.begins), "price_per_million_tokens": price, "currency": "USD",
        }  # fmt: skip


def _spend(day: PublishedDay) -> Iterator[dict[str, Any]]:
    """The day's tokens as one row an hour; what does not divide goes to the last one."""
    for hour in range(24):
        tokens, cached, output = (
            total // 24 + (total % 24 if hour == 23 else 0)
            for total in (day.input_tokens, day.cached_tokens, day.output_tokens)
        )
        start = day.begins + timedelta(hours=hour)
        yield {
            "request_id": f"hour-{hour:02d}", "call_type": "acompletion", "model": day.model,
            "model_id": "online", "startTime": _iso(start),
            "endTime": _iso(start + timedelta(hours=1)), "status": "success",
            "prompt_tokens": tokens, "completion_tokens": output,
            "total_tokens": tokens + output, "organization_id": "public",
            "metadata": {"usage_object": {
                "prompt_tokens": tokens, "completion_tokens": output,
                "prompt_tokens_details": {"cached_tokens": cached},
            }},
        }  # fmt: skip


def _next_month(when: datetime) -> datetime:
    return (when.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)


def _iso(when: datetime) -> str:
    return f"{when.isoformat()}Z"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    write_landing(DEEPSEEK, Path(sys.argv[1]) / "landing")
