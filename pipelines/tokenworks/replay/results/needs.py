"""What a scenario changes, which data that takes, and what of it this traffic lacks.

A dry run: nothing is simulated and nothing is learned. What it finds missing, a replay refuses for
the same reason; what it finds there may still be refused once history is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenworks.replay.asked import decide_all
from tokenworks.replay.errors import LeverRefusedError, TrafficError
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.results.phrases import changes_in_words
from tokenworks.replay.results.words import per_cent
from tokenworks.replay.stage import set_stage
from tokenworks.replay.traffic.fleet import fleet_of
from tokenworks.replay.traffic.requests import Traffic

HAS, LACKS, PARTLY = "there", "lacking", "in part"


@dataclass(frozen=True)
class Need:
    """One thing that a result rests on.

    Attributes:
        what: the data.
        state: there, in part or lacking.
        found: what this traffic has of it.
        without: what the result does without it, or what to log.
    """

    what: str
    state: str
    found: str
    without: str


@dataclass(frozen=True)
class Explanation:
    """A scenario in words.

    Attributes:
        changes: what it changes, a sentence per lever.
        needs: the data that it takes; empty where no traffic was looked at.
        refusals: why this traffic cannot carry it.
    """

    changes: tuple[str, ...]
    needs: tuple[Need, ...]
    refusals: tuple[str, ...]


def explain_scenario(
    scenario: Scenario, traffic: Traffic | None, folder: Path = Path()
) -> Explanation:
    """What a scenario asks, and what it would be answered from."""
    said = tuple(changes_in_words(scenario))
    if traffic is None:
        return Explanation(said, (), ())
    refusals = []
    for _, one in scenario.points():
        try:
            stage = set_stage(traffic, fleet_of(traffic), None, one.seed, one.loop)
            decide_all(one, stage, folder)
        except (LeverRefusedError, TrafficError) as refused:
            refusals.append(str(refused))
    return Explanation(said, tuple(_needs(traffic)), tuple(dict.fromkeys(refusals)))


def _needs(traffic: Traffic) -> Iterator[Need]:
    out = traffic.rows_in - traffic.count
    yield Need(
        "requests to replay",
        HAS if not out else PARTLY,
        f"{traffic.count:,} of {traffic.rows_in:,}",
        "What is left out is counted by reason in the result.",
    )
    for column, what, without in (
        ("ttft_seconds", "time to first token", "Latency cannot be learned: log it per request."),
        ("input_cache_read_tokens", "cached input tokens", "Unknown counts as none cached."),
        ("cost_active_usd", "allocated cost", "Rows without a cost stand outside the cost rows."),
        ("cost_marginal_usd", "marginal cost", "What is saved at once is not told."),
        ("energy_facility_joules", "energy at the meter", "Energy and carbon are told in part."),
        ("replica_id", "replica of each request", "Caches count as one per deployment."),
    ):
        yield _column(traffic, column, what, without)
    yield _share(
        "prefix hashes",
        traffic.hashed_tokens_ratio,
        "of input tokens",
        "Without them what a prompt could reuse is unknown: log `prefix_block_hashes`.",
    )
    yield _share(
        "complete log",
        traffic.token_coverage,
        "of the tokens that the engines counted",
        "A sampled log hides reuse and load: log every request, or scrape the engines.",
    )
    yield _carbon(traffic)
    stated = traffic.deployments.filter(
        traffic.deployments["slo_ttft_seconds"].is_not_null()
        | traffic.deployments["slo_tpot_seconds"].is_not_null()
        | traffic.deployments["slo_e2e_seconds"].is_not_null()
    ).height
    yield Need(
        "objectives (SLO)",
        _state(stated, traffic.deployments.height),
        f"{stated} of {traffic.deployments.height} deployments",
        "Goodput is told only where fleet.yaml states `slo`.",
    )


def _column(traffic: Traffic, column: str, what: str, without: str) -> Need:
    known = traffic.count - traffic.unknown_count(column)
    found = f"{known:,} of {traffic.count:,} requests"
    return Need(what, _state(known, traffic.count), found, without)


def _share(what: str, share: float | None, of: str, without: str) -> Need:
    if not share:
        return Need(what, LACKS, "unknown" if share is None else "none", without)
    return Need(what, HAS if share >= 0.99 else PARTLY, f"{per_cent(share)} {of}", without)


def _carbon(traffic: Traffic) -> Need:
    days = 0
    if traffic.energy is not None:
        known = traffic.energy.filter(traffic.energy["carbon_location_grams"].is_not_null())
        days = known["event_date"].n_unique()
    return Need(
        "grid intensity",
        HAS if days else LACKS,
        f"carbon of {days:,} days",
        "Carbon stays unknown: ingest grid_intensity.",
    )


def _state(known: int, of: int) -> str:
    return HAS if known == of else PARTLY if known else LACKS
