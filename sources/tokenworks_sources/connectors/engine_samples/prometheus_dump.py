"""Dumps of a Prometheus server into `engine_samples`, `engine_histograms` and `gpu_samples`.

Four containers: answers of the HTTP API (`prometheus/query_json.py`), exports of VictoriaMetrics
(`prometheus/export_json.py`), Parquet with one row per sample (`prometheus/long_parquet.py`), and text
that holds series of engines and of GPUs, as `/federate` gives it. The name of each series tells whose it is; node and other series are skipped.

What such dumps get wrong, and what is done about it: series come one after another, so they are
sorted by instant on disk (`prometheus/dump.py`); series of one scrape are joined by their timestamp,
which Prometheus gives to all of them; the instance is the label `exported_instance`, `instance`, `pod`
or `job`, else the path's, and an address that is `localhost` on every host is named by pod or host; two Prometheus servers that scrape one target give two values at an
instant, of which the larger counts (never their sum); labels that a server attaches to all series of a
target are no part of a metric; recording rules have names that no engine exports and are skipped.
`query_range` evaluates at its own steps and repeats a value for up to five minutes after the last
scrape, so a counter may stand still in a dump where it moved.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from pathlib import Path

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.engine_samples.engines.model import (
    DYNAMO_LABELS,
    RANK_LABELS,
    SCRAPER_LABELS,
)
from tokenworks_sources.connectors.engine_samples.engines.table import (
    ENGINES,
    engine_of,
    engine_scraped,
)
from tokenworks_sources.connectors.engine_samples.reader import write_engines
from tokenworks_sources.connectors.engine_samples.repeats import drop_repeats
from tokenworks_sources.connectors.engine_samples.targets import PLAIN_LABELS
from tokenworks_sources.connectors.engine_samples.targets import target_of as engine_target
from tokenworks_sources.connectors.gpu_samples.dcgm_prometheus import (
    GPU_LABELS,
    names_dcgm,
    write_gpus,
)
from tokenworks_sources.connectors.gpu_samples.dcgm_prometheus import target_of as gpu_target
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue, Target, Use
from tokenworks_sources.connectors.prometheus.clock import instance_of_path
from tokenworks_sources.connectors.prometheus.dump import Dump, batches, without_target_labels
from tokenworks_sources.connectors.prometheus.export_json import is_export, read_export
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.long_parquet import MAGIC, read_samples, read_schema
from tokenworks_sources.connectors.prometheus.long_shape import shape_of
from tokenworks_sources.connectors.prometheus.query_json import is_answer, read_answers
from tokenworks_sources.connectors.prometheus.scan import Batch, scan
from tokenworks_sources.connectors.prometheus.select import select
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

Container = Callable[
    [LandingFile, Callable[[Series], bool], str, Sink], AbstractContextManager[Dump]
]
UNWANTED = "neither a metric of an engine nor a DCGM field"
_GPU = ("DCGM_", "dcgm_")
# Labels that mean something to an engine or to GPUs, whether or not they have one value.
_KNOWN_LABELS = (
    PLAIN_LABELS
    | SCRAPER_LABELS
    | DYNAMO_LABELS
    | GPU_LABELS
    | frozenset(RANK_LABELS)
    | {label for engine in ENGINES for label in (engine.index_label, *engine.added_labels)}
    | {label for engine in ENGINES for alias in engine.aliases for label in alias.only}
    | {label for engine in ENGINES for info in engine.infos.values() for label in info}
)


class PrometheusDump:
    """Connector of dumps of a Prometheus server."""

    name = "prometheus_dump"
    table = "engine_samples"
    tables: tuple[str, ...] = ("engine_samples", "engine_histograms", "gpu_samples")
    version = "4"
    summary = "Dumps of Prometheus: query_range JSON, exports, Parquet of samples, /federate text"

    def recognise(self, preview: Preview) -> str | None:
        """An answer of the HTTP API, a Parquet schema of samples, or text of engines and GPUs."""
        if preview.head.startswith(MAGIC):
            return _recognise_parquet(preview.path)
        text = preview.text or ""
        if names_dcgm(text) and engine_scraped(text):
            return "metrics of an engine and metrics named DCGM_*"
        if is_answer(text):
            return "an answer of Prometheus' HTTP API"
        return "an export of VictoriaMetrics" if is_export(text) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one sample."""
        preview = preview_of(file.path)
        start = preview.head.lstrip()
        read: Container
        if start.startswith(MAGIC):
            read = read_samples
        elif is_export(preview.text or ""):
            read = read_export
        elif start.startswith((b"{", b"[")):
            read = read_answers
        else:
            _read_text(file, sink)
            return
        with read(file, is_wanted, UNWANTED, sink) as dump:
            _read_dump(file, dump, sink)


CONNECTOR = PrometheusDump()


def _recognise_parquet(path: Path) -> str | None:
    schema = read_schema(path)
    shape = None if schema is None else shape_of(schema)
    if shape is None:
        return None
    says = (
        shape.name if shape.name == "__name__" else shape.labels and f"{shape.labels} of a series"
    )
    return f"Parquet columns {shape.time}, {shape.value} and {says}" if says else None


def target_of(series: Series) -> Use:
    """Where the samples of a series of an engine or a GPU go."""
    return gpu_target(series) if series.name.startswith(_GPU) else engine_target(series)


def is_wanted(series: Series) -> bool:
    """Whether the name is of an engine or of DCGM."""
    return series.name.startswith(_GPU) or engine_of(series) is not None


def _read_text(file: LandingFile, sink: Sink) -> None:
    catalogue = Catalogue(target_of)
    for batch in scan(file, catalogue, sink):
        drop_repeats(catalogue)
        _write(file, batch, catalogue, sink)


def _read_dump(file: LandingFile, dump: Dump, sink: Sink) -> None:
    catalogue = Catalogue(target_of)
    for series in without_target_labels(dump.series, _KNOWN_LABELS):
        labels = ",".join(f"{label}={text!r}" for label, text in series.labels.items())
        catalogue.add(f"{series.name}{{{labels}}}", series)
    _check_clusters(file, catalogue)
    drop_repeats(catalogue)
    for batch in batches(dump):
        _write(file, batch, catalogue, sink, is_scraped_often=True)


def _check_clusters(file: LandingFile, catalogue: Catalogue) -> None:
    """Engines of two clusters under one name would count as one, of which the larger value wins.

    Raises:
        LandingFileError: the dump has them.
    """
    clusters: dict[Hashable, str] = {}
    for use, series in zip(catalogue.uses, catalogue.series, strict=True):
        cluster = series.labels.get("cluster")
        if not isinstance(use, Target) or use.entity[0] != CONNECTOR.table or not cluster:
            continue
        if clusters.setdefault(use.entity, cluster) != cluster:
            raise LandingFileError(
                file.path,
                "an instance of one name is in more than one cluster.",
                'Query label_join(METRIC, "instance", "/", "cluster", "instance"), and name the '
                "endpoints of fleet.yaml so.",
            )


def _write(
    file: LandingFile,
    batch: Batch,
    catalogue: Catalogue,
    sink: Sink,
    *,
    is_scraped_often: bool = False,
) -> None:
    path_instance = instance_of_path(file.name, (CONNECTOR.name, CONNECTOR.table))
    used = select(batch, catalogue, sink, is_scraped_often=is_scraped_often)
    write_engines(used, batch, catalogue, file, path_instance, sink)
    write_gpus(used, batch, catalogue, sink)
