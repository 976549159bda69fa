"""Operators' published days and hours as the files that they would have landed.

Belongs here: how a time that is known only by its totals becomes leases, a fleet, a price sheet and a request
log in the formats that connectors read. By hand:

    python -m tests.e2e.published_day HOME
"""

from __future__ import annotations

import csv
import json
import sys
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


# The day from 2025-02-27 12:00 to 2025-02-28 12:00 (UTC+8) of DeepSeek-V3 and R1:
# github.com/deepseek-ai/open-infra-index (CC0),
# 202502OpenSourceWeek/day_6_one_more_thing_deepseekV3R1_inference_system_overview.md
DEEPSEEK = PublishedDay(
    operator="deepseek",
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
# DeepSeek-V3 served by SGLang on 12 nodes of 8 H100, prefill and decode apart: 52.3 k tokens a second in and 22.3 k
# out per node of the phase, $0.20 a million tokens out. lmsys.org/blog/2025-05-05-large-scale-ep. An hour of it, at
# the $2 of the day above; how many of the nodes did which changes no cost per token.
SGLANG = PublishedDay(
    operator="sglang",
    begins=datetime(2025, 5, 5, 0),
    model="deepseek-v3",
    input_tokens=3 * 52_300 * 3600,
    cached_tokens=0,
    output_tokens=9 * 22_300 * 3600,
    node_hours=12,
    gpus_per_node=8,
    usd_per_gpu_hour=Decimal(2),
    prices={"input_cache_read": "0.07", "input_uncached": "0.27", "output": "1.10"},
    weights=(8 / 52_300, 8 / 22_300, 0.0),
    gpu_model="NVIDIA H100 80GB HBM3",
    hours=1,
    prefill_nodes=3,
)


def _one_gpu(operator: str, gpu_model: str, usd: str, tokens_per_second: int) -> PublishedDay:
    """An hour of one GPU that is known by its price and its output tokens a second."""
    return PublishedDay(
        operator=operator,
        begins=datetime(2025, 5, 5, 1),
        model=f"deepseek-r1-on-{operator}",
        input_tokens=0,
        cached_tokens=0,
        output_tokens=tokens_per_second * 3600,
        node_hours=1,
        gpus_per_node=1,
        usd_per_gpu_hour=Decimal(usd),
        prices={"output": "2.19"},
        weights=(0.001, 1 / tokens_per_second, 0.0),
        gpu_model=gpu_model,
        hours=1,
    )


# NVIDIA, “Rethinking AI TCO: Why Cost per Token Is the Only Metric That Matters”, April 2026, DeepSeek-R1: $1.41 and
# 90 tokens a second on an H200, $2.65 and 6,000 on a GB300 give $4.20 and $0.12 a million.
H200 = _one_gpu("h200", "NVIDIA H200", "1.41", 90)
GB300 = _one_gpu("gb300", "NVIDIA GB300", "2.65", 6_000)
PUBLISHED = (DEEPSEEK, SGLANG, H200, GB300)


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
    gpus = {name: [f"GPU-{name}-{n}" for n in range(day.gpus_per_node)] for name, _ in nodes}

    def held(hours: int) -> dict[str, str]:
        ends = day.begins + timedelta(hours=hours)
        return {"valid_from": _iso(day.begins), "valid_to": _iso(ends)}

    return {
        "sites": [{"id": day.operator, "region": day.operator, "time_zone": "UTC", "pue": 1.0,
                   "currency": "USD"}],
        "servers": [
            {"id": name, "site": day.operator, "gpu_model": day.gpu_model, "gpus": gpus[name],
             "ownership": "leased", **held(hours)}
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
                 {"id": name, "endpoint": f"{name}:8000", "gpus": gpus[name], **day.role(number),
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
            "endTime": _iso(start + timedelta(hours=1)), "status": "success",
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


if __name__ == "__main__":
    write_landing(PUBLISHED, Path(sys.argv[1]) / "landing")
