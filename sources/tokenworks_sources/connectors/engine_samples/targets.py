"""Which column or histogram a series of an engine gives. Pure; called once per series."""

from __future__ import annotations

import math
import re

from tokenworks_sources.connectors.engine_samples.engines.model import (
    DYNAMO_LABELS,
    RANK_LABELS,
    SCRAPER_LABELS,
    Alias,
    Engine,
)
from tokenworks_sources.connectors.engine_samples.engines.table import engine_of
from tokenworks_sources.connectors.prometheus.catalogue import Kind, Target, Unused, Use
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.contracts.engine_samples import CONTRACT

TABLE = CONTRACT.table
NO_MODEL = "no model_name label"
NO_ENGINE = "not a metric of an engine"
# Labels that are no part of a histogram: those of the scrape, and those that name the row.
PLAIN_LABELS = (
    SCRAPER_LABELS
    | DYNAMO_LABELS
    | {*RANK_LABELS, "le", "model_name", "model", "engine_type", "response_metric_type"}
)
# What speaks for many engines names the one; Prometheus renames the exporter's labels where they collide
# with those of the target.
_INSTANCE_LABELS = (
    "worker_addr",
    "ReplicaId",
    "exported_instance",
    "instance",
    "exported_pod",
    "pod",
    "job",
)
# An agent on each host scrapes its own engine, and the address is the same on all of them.
_LOOPBACK = re.compile(
    r"(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])(?P<port>(?::\d+)?)", re.IGNORECASE
)
_HOST_LABELS = ("hostname", "host", "nodename", "node")
_SUFFIXES = {
    "_bucket": Kind.BUCKET,
    "_sum": Kind.SUM,
    "_count": Kind.COUNT,
    "_created": Kind.CREATED,
}

Entity = tuple[str, str, str | None, str, str | None]


def target_of(series: Series) -> Use:
    """Where the samples of a series go.

    The entity is (table, engine, instance by the labels, engine index, model); an info metric may
    have no model.
    """
    found = engine_of(series)
    if found is None:
        return Unused(NO_ENGINE)
    engine, metric = found
    if metric in engine.infos:
        return _info(engine, metric, series)
    base = metric.removesuffix("_total").removesuffix("_created")
    if base in engine.unusable:
        return Unused(f"{engine.prefix}{base} {engine.unusable[base]}")
    aliases = engine.aliases_of(base)
    if aliases:
        return _sample(engine, metric, aliases, series)
    return _histogram(engine, metric, series)


def instance_of(series: Series) -> str | None:
    """The instance that the labels name: a router's worker, the target's address, its pod or its job.

    An address that any host has is named by the pod or the host, where they are labels.
    """
    labels = series.labels
    name = next((labels[label] for label in _INSTANCE_LABELS if label in labels), None)
    loopback = _LOOPBACK.fullmatch(name or "")
    if loopback is None:
        return name
    host = next((labels[label] for label in _HOST_LABELS if label in labels), None)
    of_host = host and f"{host}{loopback['port']}"
    return labels.get("exported_pod") or labels.get("pod") or of_host or name


def _entity(engine: Engine, series: Series) -> Entity:
    index = series.labels.get(engine.index_label, "0")
    return (TABLE, engine.name, instance_of(series), index, engine.model_of(series.labels))


def _part(engine: Engine, series: Series) -> tuple[object, ...]:
    """What tells a part of a value from the others: the engine's own labels, whoever scraped them."""
    labels = series.labels
    own = {label: text for label, text in labels.items() if label not in SCRAPER_LABELS}
    for label in engine.scraper_labels:
        own[label] = labels.get(f"exported_{label}", labels.get(label, ""))
    return (series.name, *sorted(own.items()))


def _no_model(engine: Engine) -> Unused:
    """A host may export a series without a model before any model is loaded."""
    return Unused(NO_MODEL, rejected=not engine.is_host)


def _sample(engine: Engine, metric: str, aliases: tuple[Alias, ...], series: Series) -> Use:
    if engine.model_of(series.labels) is None:
        return _no_model(engine)
    for alias in aliases:
        if all(series.labels.get(label, "") in values for label, values in alias.only.items()):
            break
    else:
        labels = ", ".join(aliases[0].only)
        return Unused(f"{engine.prefix}{aliases[0].metric} of another {labels}")
    column = CONTRACT.column(alias.column)
    if metric.endswith("_created"):
        return Target(_entity(engine, series), Kind.CREATED, "", part=_part(engine, series))
    return Target(
        _entity(engine, series),
        Kind.SAMPLE,
        alias.column,
        rank=alias.rank,
        part=_part(engine, series) if alias.added else None,
        minimum=column.minimum,
        maximum=column.maximum,
    )


def _info(engine: Engine, metric: str, series: Series) -> Use:
    values = tuple(_number(series.labels.get(label)) for label in engine.infos[metric])
    return Target(_entity(engine, series), Kind.INFO, metric, attributes=values)


def _number(text: str | None) -> str | None:
    return text if text is not None and text.isascii() and text.isdigit() else None


def _histogram(engine: Engine, metric: str, series: Series) -> Use:
    exported, underscore, suffix = metric.rpartition("_")
    kind = _SUFFIXES.get(underscore + suffix)
    if kind is None:
        return Unused("a metric that no column holds")
    if engine.model_of(series.labels) is None:
        return _no_model(engine) if kind is Kind.BUCKET else Unused("no histogram")
    extra = set(series.labels) - PLAIN_LABELS - {engine.index_label} - engine.added_labels
    if extra:
        return Unused(f"histogram by {', '.join(sorted(extra))}")
    name = engine.renamed_histograms.get(exported, exported)
    bound = _bound(series.labels.get("le")) if kind is Kind.BUCKET else None
    if kind is Kind.BUCKET and bound is None:
        return Unused("a bucket without an upper bound", rejected=True)
    return Target(
        _entity(engine, series),
        kind,
        name,
        bound=bound,
        rank=int(name != exported),
        part=_part(engine, series) if engine.added_labels & set(series.labels) else None,
        minimum=0.0 if kind in (Kind.BUCKET, Kind.COUNT) else None,
    )


def _bound(text: str | None) -> float | None:
    try:
        bound = float(text or "nan")
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
