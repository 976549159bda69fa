"""Which column or histogram a series of an engine gives. Pure; called once per series."""

from __future__ import annotations

import math

from tokenworks_sources.connectors.engine_samples.engines.model import Alias, Engine
from tokenworks_sources.connectors.prometheus.catalogue import Kind, Target, Unused, Use
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.contracts.engine_samples import CONTRACT

STEPS = "iteration_tokens_total"
# Labels that scrapers add, and those that name the row.
_PLAIN_LABELS = frozenset(
    {"le", "model_name", "instance", "job", "pod", "namespace", "container", "node", "endpoint",
     "service", "cluster", "engine_type", "tp_rank", "pp_rank", "moe_ep_rank"}
)  # fmt: skip
_SUFFIXES = {
    "_bucket": Kind.BUCKET,
    "_sum": Kind.SUM,
    "_count": Kind.COUNT,
    "_created": Kind.CREATED,
}
NO_MODEL = "no model_name label"


def target_of(engine: Engine, series: Series) -> Use:
    """Where the samples of a series go.

    The entity is (instance label, engine index, model); an info metric may have no model.
    """
    if not series.name.startswith(engine.prefix):
        return Unused(f"not a metric of {engine.name}")
    metric = series.name.removeprefix(engine.prefix)
    for label, wanted in engine.only_labels.items():
        if series.labels.get(label, wanted) != wanted:
            return Unused(f"{label} other than {wanted} repeats the same counts")
    if metric in engine.infos:
        return _info(engine, metric, series)
    base = metric.removesuffix("_total").removesuffix("_created")
    if base in engine.unusable:
        return Unused(f"{engine.prefix}{base} {engine.unusable[base]}")
    aliases = engine.aliases_of(base)
    if aliases:
        return _sample(engine, metric, aliases, series)
    return _histogram(engine, metric, series)


def _entity(engine: Engine, series: Series) -> tuple[str | None, str, str | None]:
    labels = series.labels
    return (labels.get("instance"), labels.get(engine.index_label, "0"), labels.get("model_name"))


def _sample(engine: Engine, metric: str, aliases: tuple[Alias, ...], series: Series) -> Use:
    if "model_name" not in series.labels:
        return Unused(NO_MODEL, rejected=True)
    for alias in aliases:
        if all(series.labels.get(label) in values for label, values in alias.only.items()):
            break
    else:
        labels = ", ".join(aliases[0].only)
        return Unused(f"{engine.prefix}{aliases[0].metric} of an unknown {labels}")
    column = CONTRACT.column(alias.column)
    if metric.endswith("_created"):
        return Target(_entity(engine, series), Kind.CREATED, "", added=True)
    return Target(
        _entity(engine, series),
        Kind.SAMPLE,
        alias.column,
        rank=alias.rank,
        added=alias.added,
        minimum=column.minimum,
        maximum=column.maximum,
    )


def _info(engine: Engine, metric: str, series: Series) -> Use:
    values = tuple(_number(series.labels.get(label)) for label in engine.infos[metric])
    return Target(_entity(engine, series), Kind.INFO, metric, attributes=values)


def _number(text: str | None) -> str | None:
    return text if text is not None and text.isdigit() else None


def _histogram(engine: Engine, metric: str, series: Series) -> Use:
    exported, underscore, suffix = metric.rpartition("_")
    kind = _SUFFIXES.get(underscore + suffix)
    if kind is None:
        return Unused("a metric that no column holds")
    if "model_name" not in series.labels:
        return Unused(NO_MODEL, rejected=True) if kind is Kind.BUCKET else Unused("no histogram")
    extra = set(series.labels) - _PLAIN_LABELS - {engine.index_label} - engine.added_labels
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
        added=bool(engine.added_labels & set(series.labels)),
        minimum=0.0 if kind in (Kind.BUCKET, Kind.COUNT) else None,
    )


def _bound(text: str | None) -> float | None:
    try:
        bound = float(text or "nan")
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
