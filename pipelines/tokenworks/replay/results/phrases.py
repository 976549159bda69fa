"""A scenario's levers in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tokenworks.replay.language.balancing import Balancing
from tokenworks.replay.language.base import Match
from tokenworks.replay.language.capacity import Capacity
from tokenworks.replay.language.chips import ChipChange
from tokenworks.replay.language.disaggregation import Disaggregation
from tokenworks.replay.language.power import Power
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.response_cache import ResponseCache, SemanticCache
from tokenworks.replay.language.routing import TierRouting
from tokenworks.replay.language.scenario import Scenario


def changes_in_words(scenario: Scenario) -> Iterator[str]:
    """One sentence per lever; what is asked of which requests comes last."""
    if scenario.is_no_change:
        yield "Nothing changes: history is replayed as it was."
    for lever in scenario.levers:
        yield _PHRASES[lever](getattr(scenario, lever))
    if not scenario.report_on.is_everything:
        yield f"The result speaks of requests with {conditions(scenario.report_on)}; all are replayed."
    if scenario.window.start or scenario.window.end:
        sides = (scenario.window.start or "the first", scenario.window.end or "the last")
        warm = scenario.window.warm_up_hours
        before = f" {warm:g} hours before warm up." if warm else ""
        yield f"Arrivals from {sides[0]} to {sides[1]}.{before}"
    if scenario.sweep:
        listed = "; ".join(
            f"{path} at {_listed(values)}" for path, values in scenario.sweep.items()
        )
        yield f"A sweep of {len(scenario.points())} points: {listed}."


def conditions(match: Match) -> str:
    """Conditions in words."""
    found = []
    for name, wanted in match.model_dump(exclude_none=True).items():
        if isinstance(wanted, list):
            found.append(f"{name} {' or '.join(wanted)}")
        elif isinstance(wanted, bool):
            found.append(name if wanted else f"not {name}")
        else:
            bounds = (f"{bound.replace('_', ' ')} {value:,}" for bound, value in wanted.items())
            found.append(f"{name} {' and '.join(bounds)}")
    return ", ".join(found) or "no condition"


def _listed(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _routing(lever: TierRouting) -> str:
    said = []
    for rule in lever.rules:
        where = f"go to the {rule.to_tier} tier" if rule.to_tier else "stay"
        said.append(f"requests with {conditions(rule.when)} {where}")
    if lever.score is not None:
        said.append(
            f"a score ({lever.score.column}) decides between {lever.score.weak_tier} and "
            f"{lever.score.strong_tier}"
        )
    if lever.spill is not None:
        said.append(f"{lever.spill.from_tier} spills to {lever.spill.to_tier} under load")
    if lever.cascade is not None:
        said.append(
            f"{lever.cascade.first_tier} answers first, and {lever.cascade.second_tier} where a "
            "verifier rejects that answer"
        )
    if lever.canary is not None:
        said.append(f"all of it for {lever.canary.share:.0%} of the {lever.canary.by}s")
    return _sentence("Routing between tiers: " + "; ".join(said))


def _regions(lever: RegionRouting) -> str:
    return (
        f"Requests go to the deployment of their model in the region of the best {lever.choose}, "
        "within residency and capacity."
    )


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


def _prefix_cache(lever: PrefixCache) -> str:
    if lever.capacity_factor is not None:
        size = f"{lever.capacity_factor:g} times what the recorded hits imply today"
    elif lever.capacity_tokens is not None:
        size = f"{lever.capacity_tokens:,} tokens"
    elif lever.capacity_gib is not None:
        size = f"{lever.capacity_gib:g} GiB at {lever.kv_bytes_per_token:g} bytes a token"
    else:
        size = "whatever has not expired"
    said = f"Prefix caches hold {size}, one per {lever.scope}, {lever.policy} evicted"
    if lever.ttl_seconds is not None:
        said += f", blocks expire after {lever.ttl_seconds:g} s"
    if lever.lower_tiers:
        said += f", with {len(lever.lower_tiers)} tiers below"
    if lever.eviction == "trie":
        said += ", ends of held prefixes alone"
    if lever.is_root_sample:
        said += (
            f"; the log is said to hold {lever.sampled_roots_ratio:.1%} of the prefix roots, whole"
        )
    return f"{said}."


def _response_cache(lever: ResponseCache) -> str:
    life = "stay" if lever.ttl_seconds is None else f"live {lever.ttl_seconds:g} s"
    return f"The gateway keeps answers by {', '.join(lever.key)}; they {life}."


def _semantic_cache(lever: SemanticCache) -> str:
    if lever.threshold is not None:
        return f"A semantic cache answers from similarity {lever.threshold:g} on."
    return f"A semantic cache answers with at most {lever.false_hit_budget:.1%} false hits."


def _where(lever: Balancing | Capacity | ChipChange | Disaggregation) -> str:
    return ", ".join(lever.deployments or [f"tier {tier}" for tier in lever.tiers or []]) or "all"


def _capacity(lever: Capacity) -> str:
    asked = lever.model_dump(exclude_defaults=True, exclude={"deployments", "tiers"})
    listed = ", ".join(
        name if isinstance(value, dict) else f"{name} {value}" for name, value in asked.items()
    )
    return f"Capacity of {_where(lever)}: {listed}."


def _chips(lever: ChipChange) -> str:
    asked = lever.model_dump(exclude_defaults=True, exclude={"deployments", "tiers"})
    return f"Chips, precision or model of {_where(lever)} change: {', '.join(asked)}."


def _balancing(lever: Balancing) -> str:
    return f"Requests of {_where(lever)} find their replica by {lever.policy}."


def _disaggregation(lever: Disaggregation) -> str:
    return (
        f"Prompts and tokens of {_where(lever)} on replicas of their own: {lever.prefill.replicas} "
        f"for prompts, {lever.decode.replicas} for tokens; between them "
        f"{lever.transfer_base_seconds:g} s and {lever.seconds_per_token:.3g} s per prompt token."
    )


def _power(lever: Power) -> str:
    said = []
    if lever.shift is not None:
        said.append(
            f"requests with {conditions(lever.shift.when)} wait for the {lever.shift.until} hour, "
            f"{lever.shift.most_delay_hours} hours at most"
        )
    if lever.tariffs:
        said.append(f"energy is priced by other tariffs in {', '.join(lever.prices())}")
    if lever.carbon_grams_per_kwh:
        said.append(f"carbon follows the hour in {', '.join(lever.carbon_grams_per_kwh)}")
    if lever.from_load is not None:
        said.append("power follows the load of each replica")
    return _sentence("Electricity: " + "; ".join(said))


_PHRASES: dict[str, Callable[[Any], str]] = {
    "routing": _routing,
    "regions": _regions,
    "prefix_cache": _prefix_cache,
    "response_cache": _response_cache,
    "semantic_cache": _semantic_cache,
    "capacity": _capacity,
    "chips": _chips,
    "power": _power,
    "balancing": _balancing,
    "disaggregation": _disaggregation,
}
