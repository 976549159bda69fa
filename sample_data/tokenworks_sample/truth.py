"""`truth.json`: what is true of the sample, for tests to find again.

Belongs here: the shape of the file. Each entry is defined in the README of the sample.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenworks_sample.accounts import SHORT_INPUT, percentile, sum_of
from tokenworks_sample.clock import DAY, HOUR, QUARTER, day_name, iso
from tokenworks_sample.costs import Ledger
from tokenworks_sample.facts import Facts
from tokenworks_sample.series import LIST_PRICES
from tokenworks_sample.world import BLOCK_TOKENS

IDLE_CAUSES = ("not_ready", "ready_empty")


def write_truth(
    path: Path, about: Mapping[str, Any], facts: Facts, ledger: Ledger, faults: Sequence[Any]
) -> None:
    """Write the file, with floats rounded so that it is the same on every machine."""
    truth = {
        "about": {**about, "start": iso(0), "end": iso(facts.days * DAY)},
        "requests": _requests(facts),
        "tokens": _tokens(facts),
        "engine_counters": {name: e.totals() for name, e in facts.engines.items()},
        "engine_counters_scraped": {name: s.totals() for name, s in facts.scraped.items()},
        "prefix_cache": _prefix(facts),
        "latency": _latency(facts),
        "gpu_hours": _gpu_hours(facts, ledger),
        "energy": _energy(facts),
        "bills": _bills(facts),
        "charges": _charges(facts),
        "costs_usd": _costs(ledger),
        "list_price_changes": _list_price_changes(facts),
        "faults": _faults(facts, faults),
        "policy_question": _policy(facts),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(truth), indent=1) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value


def _requests(facts: Facts) -> dict[str, Any]:
    accounts = facts.accounts
    return {
        "attempts": sum(accounts.statuses.values()),
        "success": accounts.statuses["success"],
        "failed": accounts.statuses["failure"],
        "cancelled": accounts.statuses["cancelled"],
        "by_error_type": dict(sorted(accounts.errors.items())),
        "retries": accounts.retries,
    }


def _tokens(facts: Facts) -> dict[str, Any]:
    accounts = facts.accounts.deployments
    names = [d.id for d in facts.world.deployments]
    kinds = ("served", "cancelled", "gateway_hits", "lost")
    by_tenant = facts.accounts.served_by_tenant
    return {
        **{k: sum_of([getattr(accounts[n], k) for n in names]).table() for k in kinds},
        "served_by_deployment": {n: accounts[n].served.table() for n in names},
        "served_by_tenant": {t: by_tenant[t].table() for t in sorted(by_tenant)},
    }


def _prefix(facts: Facts) -> dict[str, Any]:
    result = {}
    for deployment in facts.world.deployments:
        account = facts.accounts.deployments[deployment.id]
        seen = sum_of([account.served, account.cancelled])
        result[deployment.id] = {
            "hit_ratio": _ratio(seen.input_cache_read, seen.input_total),
            "hit_tokens": seen.input_cache_read,
            "input_total_tokens": seen.input_total,
            "capacity_blocks_per_replica": deployment.kv_blocks,
            "block_tokens": BLOCK_TOKENS,
        }
    return result


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _latency(facts: Facts) -> dict[str, Any]:
    return {
        deployment.id: {
            "streamed_successes": sum(account.ttft_ms.values()),
            **{f"ttft_p{p}_seconds": percentile(account.ttft_ms, p / 100) for p in (50, 95, 99)},
        }
        for deployment in facts.world.deployments
        for account in [facts.accounts.deployments[deployment.id]]
    }


def _gpu_hours(facts: Facts, ledger: Ledger) -> dict[str, Any]:
    hours = ledger.gpu_hours
    by_deployment = {}
    for deployment in facts.world.deployments:
        states = ("assigned", "busy", *IDLE_CAUSES)
        row: dict[str, float | None] = {s: hours.get((deployment.id, s), 0.0) for s in states}
        idle = sum(hours.get((deployment.id, cause), 0.0) for cause in IDLE_CAUSES)
        row["idle_share"] = _ratio(idle, hours.get((deployment.id, "assigned"), 0.0))
        by_deployment[deployment.id] = row
    spare = {s.id: hours.get((s.id, "unallocated"), 0.0) for s in facts.world.servers}
    paid = sum(len(s.gpus) for s in facts.world.servers) * facts.hours
    return {"paid": paid, "by_deployment": by_deployment, "unallocated_by_server": spare}


def _energy(facts: Facts) -> dict[str, Any]:
    by_replica = {
        name: engine.joules * len(engine.replica.gpus) / 3.6e6
        for name, engine in facts.engines.items()
    }
    sites = {}
    for site in facts.world.sites:
        servers = [s for s in facts.world.servers if s.site == site.id]
        gpus = [gpu for server in servers for gpu in server.gpus]
        held = {g for e in facts.engines.values() for g in e.replica.gpus}
        spare = sum(
            s.kind.unallocated_watts * facts.hours / 1000
            for s in servers
            for gpu in s.gpus
            if gpu not in held
        )
        used = sum(
            by_replica[name]
            for name, engine in facts.engines.items()
            if engine.replica.gpus[0] in gpus
        )
        hosts = sum(s.host_watts for s in servers) * facts.hours / 1000
        sites[site.id] = {
            "gpu_kwh": used + spare,
            "host_kwh": hosts,
            "facility_kwh": sum(facts.watt_hours[site.id]) / 1000,
            "readings": len(facts.watt_hours[site.id]),
            "peak_kw": max(facts.watt_hours[site.id]) * HOUR / QUARTER / 1000,
        }
    return {"by_site": sites, "gpu_kwh_by_replica": by_replica}


def _bills(facts: Facts) -> dict[str, Any]:
    result: dict[str, dict[str, Any]] = {}
    for line in facts.bills:
        bill = result.setdefault(
            line.bill_id,
            {"currency": line.currency, "period_start": iso(line.start),
             "period_end": iso(line.end), "lines": 0, "total": 0.0, "energy_kwh": 0.0},
        )  # fmt: skip
        bill["lines"] += 1
        bill["total"] = round(bill["total"] + float(line.amount), 2)
        if line.kind == "energy" and line.quantity is not None:
            bill["energy_kwh"] = round(bill["energy_kwh"] + float(line.quantity), 3)
    return result


def _charges(facts: Facts) -> dict[str, Any]:
    totals: dict[str, float] = {}
    kinds: dict[str, float] = {}
    for charge in facts.charges:
        key = f"{charge.kind}_{charge.currency}"
        totals[charge.currency] = round(totals.get(charge.currency, 0.0) + float(charge.cost), 2)
        kinds[key] = round(kinds.get(key, 0.0) + float(charge.cost), 2)
    return {"rows": len(facts.charges), "total": totals, "by_kind": dict(sorted(kinds.items()))}


def _list_price_changes(facts: Facts) -> list[dict[str, Any]]:
    return [
        {"model": model, "from_date": day_name(day), "input": new_input, "output": new_output}
        for model, changes in LIST_PRICES.items()
        for day, new_input, _, new_output in changes
        if 0 < day < facts.days
    ]


def _costs(ledger: Ledger) -> dict[str, Any]:
    served = sum(ledger.served.values())
    return {
        "total": ledger.total(),
        "served": served,
        "waste": ledger.waste,
        "unattributed": ledger.unattributed,
        "overhead": ledger.overhead,
        "idle": sum(ledger.idle.values()),
        "idle_by_owner_and_cause": {f"{o}/{c}": v for (o, c), v in sorted(ledger.idle.items())},
        "served_by_tenant": dict(sorted(ledger.served.items())),
        "served_share_by_tenant": {t: v / served for t, v in sorted(ledger.served.items())},
        "served_by_deployment": dict(sorted(ledger.served_by_deployment.items())),
    }


def _faults(facts: Facts, faults: Sequence[Any]) -> dict[str, Any]:
    outage, change = facts.plan.outage, facts.plan.price_change
    bad = [f for f in faults if f["kind"] == "bad_line"]
    repeated = [f for f in faults if f["kind"] == "duplicate"]
    late = [f for f in faults if f["kind"] == "late_file"]
    return {
        "outage": {
            "replica": outage.replica, "start": iso(outage.start), "end": iso(outage.end),
        } if outage.end <= facts.days * DAY else None,
        "price_change": {
            "server": change.server, "from_date": day_name(change.day),
            "before_per_gpu_hour": float(change.before), "after_per_gpu_hour": float(change.after),
            "currency": "EUR",
        } if change.day < facts.days else None,
        "duplicate_rows": sum(f["rows"] for f in repeated),
        "duplicates": repeated,
        "bad_lines": bad,
        "late_files": late,
    }  # fmt: skip


def _policy(facts: Facts) -> dict[str, Any]:
    large = [d.id for d in facts.world.deployments if d.tier == "large"]
    accounts = [facts.accounts.deployments[name] for name in large]
    short = sum_of([account.short for account in accounts])
    served = sum_of([account.served for account in accounts])
    return {
        "tier": "large",
        "input_tokens_below": SHORT_INPUT,
        "short": short.table(),
        "all": served.table(),
        "share_of_requests": _ratio(short.requests, served.requests),
    }
