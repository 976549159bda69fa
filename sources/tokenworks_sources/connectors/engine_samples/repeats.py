"""Series that count what other series of the file count already, so that everything counts once.

- A tensor- or pipeline-parallel rank repeats its peers: the lowest rank is read. With data-parallel
  attention each data-parallel rank has a lowest rank of its own, which need not be 0.
- A Dynamo worker passes the series of its engine on, with `dynamo_*` labels. Where the same pod (or
  host) also gives the series itself, the one that was passed on is skipped.
- A server around an engine (Triton, NIM, a Dynamo worker) counts the same work: where an instance
  also gives the series of the engine inside for a model, those are read. A Dynamo frontend counts what
  its workers generate: it is skipped where the file has their series.
- An ensemble of Triton counts a request once per step: where a model has the metrics of the
  TensorRT-LLM backend, the other models of the instance are its steps.

What no file shows by itself, the fleet decides: it names one endpoint per replica.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tokenworks_sources.connectors.engine_samples.engines.model import (
    DYNAMO_LABELS,
    RANK_LABELS,
    SCRAPER_LABELS,
)
from tokenworks_sources.connectors.engine_samples.engines.table import engine_named
from tokenworks_sources.connectors.engine_samples.targets import TABLE, Entity
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue, Target
from tokenworks_sources.connectors.prometheus.exposition import Series

RANK = "a further rank repeats the same counts"
PASSED_ON = "passed on by a Dynamo worker, and read from the engine itself"
INSIDE = "counted by the series of the engine inside"
STEP = "a step of an ensemble, counted by its TensorRT-LLM model"
_FRONTEND = "dynamo_frontend_"
_BACKEND = "nv_trt_llm_"

Key = tuple[object, ...]


def drop_repeats(catalogue: Catalogue) -> None:
    """Takes the series out of use whose samples other series repeat."""
    for rule in (_ranks, _passed_on, _hosts, _steps):
        for number, reason in rule(list(_used(catalogue))):
            catalogue.drop(number, reason)


Used = tuple[int, Series, Entity]
Dropped = Iterator[tuple[int, str]]


def _used(catalogue: Catalogue) -> Iterator[Used]:
    for number, use in enumerate(catalogue.uses):
        if isinstance(use, Target) and use.entity[0] == TABLE:
            yield number, catalogue.series[number], cast("Entity", use.entity)


def _without(series: Series, labels: frozenset[str]) -> Key:
    rest = sorted((name, value) for name, value in series.labels.items() if name not in labels)
    return (series.name, *rest)


def _ranks(used: list[Used]) -> Dropped:
    ranked = frozenset(RANK_LABELS)
    lowest: dict[Key, tuple[tuple[int, str], ...]] = {}
    ranks: dict[int, tuple[Key, tuple[tuple[int, str], ...]]] = {}
    for number, series, _ in used:
        if ranked.isdisjoint(series.labels):
            continue
        # Ranks are numbers; by text, 10 would come before 2.
        rank = tuple(
            (len(text), text) for text in (series.labels.get(label, "") for label in RANK_LABELS)
        )
        key = _without(series, ranked)
        ranks[number] = (key, rank)
        lowest[key] = min(rank, lowest.get(key, rank))
    for number, (key, rank) in ranks.items():
        if rank != lowest[key]:
            yield number, RANK


def _host(series: Series) -> str | None:
    """The pod of a series, else the host of its address."""
    labels = series.labels
    pod = labels.get("exported_pod") or labels.get("pod")
    instance = labels.get("exported_instance") or labels.get("instance")
    return pod or (instance.rpartition(":")[0] or instance if instance else None)


def _passed_on(used: list[Used]) -> Dropped:
    added = SCRAPER_LABELS | DYNAMO_LABELS | {"model"}
    own = {
        (_host(series), _without(series, added))
        for _, series, _ in used
        if DYNAMO_LABELS.isdisjoint(series.labels)
    }
    for number, series, _ in used:
        if DYNAMO_LABELS.isdisjoint(series.labels) or series.name.startswith("dynamo_"):
            continue
        if (_host(series), _without(series, added)) in own:
            yield number, PASSED_ON


def _model(entity: Entity) -> str:
    return (entity[4] or "").lower()


def _hosts(used: list[Used]) -> Dropped:
    inside: set[tuple[str | None, str]] = set()
    passed: set[str] = set()
    for _, series, entity in used:
        if not engine_named(entity[1]).is_host:
            inside.add((entity[2], _model(entity)))
            if not DYNAMO_LABELS.isdisjoint(series.labels):
                passed.add(_model(entity))
    for number, series, entity in used:
        is_behind = series.name.startswith(_FRONTEND) and _model(entity) in passed
        is_around = (entity[2], _model(entity)) in inside
        if engine_named(entity[1]).is_host and (is_behind or is_around):
            yield number, INSIDE


def _steps(used: list[Used]) -> Dropped:
    backends: dict[str | None, set[str]] = {}
    for _, series, entity in used:
        if series.name.startswith(_BACKEND):
            backends.setdefault(entity[2], set()).add(_model(entity))
    for number, _, entity in used:
        models = backends.get(entity[2])
        if entity[1] == "triton" and models and _model(entity) not in models:
            yield number, STEP
