"""Operators' published days and hours as the files that they would have landed.

Belongs here: how a time that is known only by its totals becomes leases, a fleet, a price sheet and a request
log in the formats that connectors read. What was published is in `published_figures.py`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedDay:
    """What an operator said of one day, or of some hours of it.

    Attributes:
        operator: who said it; the name of its site, deployment and tenant.
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
        gpu_model: what the GPUs are.
        hours: how long it was.
        prefill_nodes: how many of the nodes prefill alone, the others decoding; 0 where all do both.
        busy: share of each hour in which the nodes serve; the rest is idle.
    """

    operator: str
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
    gpu_model: str = "NVIDIA H800"
    hours: int = 24
    prefill_nodes: int = 0
    busy: float = 1.0

    def nodes(self) -> Iterator[tuple[str, int]]:
        """Each node and its hours: all stay the whole time but the last one."""
        whole, rest = divmod(self.node_hours, self.hours)
        for number in range(whole):
            yield f"{self.operator}-{number:03d}", self.hours
        if rest:
            yield f"{self.operator}-{whole:03d}", rest

    def role(self, number: int) -> dict[str, str]:
        """What the replica of a node does."""
        if not self.prefill_nodes:
            return {}
        return {"role": "prefill" if number < self.prefill_nodes else "decode"}


def write_landing(days: Sequence[PublishedDay], landing: Path) -> None:
    """All files of some operators, who share one home and nothing else."""
    whole: dict[str, Any] = {
        "valid_from": _iso(min(day.begins for day in days)),
        "reporting_currency": "USD",
        "tiers": [{"id": "all", "rank": 1}],
    }
    for day in days:
        for section, entries in _fleet(day).items():
            whole.setdefault(section, []).extend(entries)
        name = day.operator
        _write_csv(landing / "charges" / "focus" / f"{name}.csv", list(_leases(day)))
        _write_csv(landing / "prices" / "mapped" / f"{name}.csv", list(_prices(day)))
        rows = "".join(f"{json.dumps(row)}\n" for row in _spend(day))
        _write(landing / "requests" / "litellm" / f"{name}.jsonl", rows)
    _write(landing / "fleet" / "fleet_yaml" / "fleet.yaml", yaml.safe_dump(whole))


def _fleet(day: PublishedDay) -> dict[str, list[dict[str, Any]]]:
    prefill, decode, cache_read = day.weights
    nodes = list(day.nodes())

    def held(hours: int) -> dict[str, str]:
        ends = day.begins + timedelta(hours=hours)
        return {"valid_from": _iso(day.begins), "valid_to": _iso(ends)}

    return {
        "sites": [{"id": day.operator, "region": day.operator, "time_zone": "UTC", "pue": 1.0,
                   "currency": "USD"}],
        "servers": [
            {"id": name, "site": day.operator, "gpu_model": day.gpu_model,
             "gpus": day.gpus_per_node, "ownership": "leased", **held(hours)}
            for name, hours in nodes
        ],
        "deployments": [
            {"id": day.operator, "key": day.operator, "model": day.model, "tier": "all",
             "site": day.operator, "valid_from": _iso(day.begins),
             "weights": {
                 "prefill_seconds_per_token": prefill,
                 "decode_seconds_per_token": decode,
                 "cache_read_seconds_per_token": cache_read,
             },
             "replicas": [
                 {"id": name, "endpoint": f"{name}:8000", "gpus": [name], **day.role(number),
                  **held(hours)}
                 for number, (name, hours) in enumerate(nodes)
             ]}
        ],
        "tenants": [{"id": day.operator, "name": day.operator, "valid_from": _iso(day.begins)}],
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
            "InvoiceId": f"LEASES-{day.operator}", "InvoiceIssuerName": "Lessor", "ProviderName": "Lessor",
            "PublisherName": "Lessor", "ResourceId": name, "ServiceCategory": "Compute",
            "ServiceName": "GPU nodes",
        }  # fmt: skip


def _prices(day: PublishedDay) -> Iterator[dict[str, str]]:
    for token_class, price in day.prices.items():
        yield {
            "provider": day.operator, "model": day.model, "token_class": token_class,
            "valid_from": _iso(day.begins), "price_per_million_tokens": price, "currency": "USD",
        }  # fmt: skip


def _spend(day: PublishedDay) -> Iterator[dict[str, Any]]:
    """The tokens as one row an hour; what does not divide goes to the last one."""
    for hour in range(day.hours):
        tokens, cached, output = (
            total // day.hours + (total % day.hours if hour == day.hours - 1 else 0)
            for total in (day.input_tokens, day.cached_tokens, day.output_tokens)
        )
        start = day.begins + timedelta(hours=hour)
        yield {
            "request_id": f"{day.operator}-hour-{hour:02d}", "call_type": "acompletion", "model": day.model,
            "model_id": day.operator, "startTime": _iso(start),
            "endTime": _iso(start + timedelta(hours=day.busy)), "status": "success",
            "prompt_tokens": tokens, "completion_tokens": output,
            "total_tokens": tokens + output, "organization_id": day.operator,
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
