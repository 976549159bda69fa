"""All connectors, and which one reads a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import Connector, LandingFile, Preview
from tokenworks_sources.connectors.benchmark_runs import (
    aiperf_summary,
    inferencex_agg,
    llmperf_summary,
    sglang_bench_runs,
    vllm_bench_runs,
)
from tokenworks_sources.connectors.charges import aws_cur, azure_cost, focus, oci_cost
from tokenworks_sources.connectors.energy_readings import (
    codecarbon_runs,
    green_button,
    ptdaemon,
    utility_csv,
)
from tokenworks_sources.connectors.engine_samples import (
    dynamo_prometheus,
    nim_prometheus,
    prometheus_dump,
    sglang_prometheus,
    triton_prometheus,
    trtllm_prometheus,
    vllm_prometheus,
)
from tokenworks_sources.connectors.fleet import fleet_yaml
from tokenworks_sources.connectors.gpu_offers import gpu_pricing, oracle_prices
from tokenworks_sources.connectors.gpu_samples import (
    amd_smi_csv,
    dcgm_prometheus,
    nvidia_gpu_exporter,
    nvidia_smi_capture,
    nvidia_smi_csv,
    nvidia_smi_xml,
)
from tokenworks_sources.connectors.grid_intensity import avert, codecarbon, google_regions
from tokenworks_sources.connectors.grid_prices import energyzero, entsoe, spp
from tokenworks_sources.connectors.mapped import mapped, resolve
from tokenworks_sources.connectors.near_misses import other_readings
from tokenworks_sources.connectors.prices import genai_prices, langfuse_prices, litellm_prices
from tokenworks_sources.connectors.requests import (
    aiperf,
    burstgpt_runs,
    helicone,
    langfuse,
    litellm,
    litellm_payload,
    llmperf,
    otel_sdk_json,
    otlp_json,
    otlp_protobuf,
    sglang_bench,
    usage_bodies,
    vllm_bench,
)
from tokenworks_sources.connectors.tariff_rates import openei_urdb
from tokenworks_sources.connectors.usage_buckets import (
    anthropic_usage,
    litellm_daily,
    openai_usage,
)
from tokenworks_sources.errors import AmbiguousFileError, TokenworksError, UnrecognisedFileError

CONNECTORS: tuple[Connector, ...] = (
    litellm.CONNECTOR,
    litellm_payload.CONNECTOR,
    langfuse.CONNECTOR,
    helicone.CONNECTOR,
    usage_bodies.CONNECTOR,
    openai_usage.CONNECTOR,
    anthropic_usage.CONNECTOR,
    litellm_daily.CONNECTOR,
    otlp_json.CONNECTOR,
    otlp_protobuf.CONNECTOR,
    otel_sdk_json.CONNECTOR,
    vllm_prometheus.CONNECTOR,
    sglang_prometheus.CONNECTOR,
    trtllm_prometheus.CONNECTOR,
    triton_prometheus.CONNECTOR,
    dynamo_prometheus.CONNECTOR,
    nim_prometheus.CONNECTOR,
    prometheus_dump.CONNECTOR,
    dcgm_prometheus.CONNECTOR,
    nvidia_smi_csv.CONNECTOR,
    nvidia_smi_capture.CONNECTOR,
    nvidia_smi_xml.CONNECTOR,
    nvidia_gpu_exporter.CONNECTOR,
    amd_smi_csv.CONNECTOR,
    green_button.CONNECTOR,
    ptdaemon.CONNECTOR,
    utility_csv.CONNECTOR,
    codecarbon_runs.CONNECTOR,
    entsoe.CONNECTOR,
    energyzero.CONNECTOR,
    spp.CONNECTOR,
    google_regions.CONNECTOR,
    codecarbon.CONNECTOR,
    avert.CONNECTOR,
    openei_urdb.CONNECTOR,
    focus.CONNECTOR,
    aws_cur.CONNECTOR,
    azure_cost.CONNECTOR,
    oci_cost.CONNECTOR,
    genai_prices.CONNECTOR,
    litellm_prices.CONNECTOR,
    langfuse_prices.CONNECTOR,
    gpu_pricing.CONNECTOR,
    oracle_prices.CONNECTOR,
    fleet_yaml.CONNECTOR,
    aiperf.CONNECTOR,
    vllm_bench.CONNECTOR,
    sglang_bench.CONNECTOR,
    llmperf.CONNECTOR,
    burstgpt_runs.CONNECTOR,
    aiperf_summary.CONNECTOR,
    vllm_bench_runs.CONNECTOR,
    sglang_bench_runs.CONNECTOR,
    llmperf_summary.CONNECTOR,
    inferencex_agg.CONNECTOR,
    *mapped.CONNECTORS,
)


UNKNOWN_HINT = "See `tokenworks connectors`, or describe it in a mapping (docs/mapping.md)."

# Files that say how their neighbours are read.
SIDECARS = (resolve.SIDECAR, about.SIDECAR)


@runtime_checkable
class Versioned(Protocol):
    """A connector whose version depends on files that lie beside the data."""

    def version_of(self, file: LandingFile) -> str:
        """The version for one file."""


@runtime_checkable
class Accompanied(Protocol):
    """A connector whose files cannot be read without others that lie near them."""

    def companions_of(self, path: Path) -> list[Path]:
        """The files that must come along; they are laid beside it."""


@dataclass(frozen=True)
class Recognition:
    """The one connector that claims a file, and why."""

    connector: Connector
    reason: str


def by_name(name: str) -> Connector:
    """The connector of a name; the error lists the names there are."""
    named = [connector for connector in CONNECTORS if connector.name == name]
    if len(named) == 1:
        return named[0]
    if named:
        raise TokenworksError(f"Connector {name!r} needs a mapping: use --mapping FILE instead.")
    names = ", ".join(sorted({connector.name for connector in CONNECTORS}))
    raise TokenworksError(f"There is no connector {name!r}. Use one of: {names}.")


def in_folder(table: str, folder: str) -> Connector | None:
    """The connector whose landing folder this is."""
    for connector in CONNECTORS:
        if (connector.table, connector.name) == (table, folder):
            return connector
    return None


def claims_on(preview: Preview) -> list[Recognition]:
    """All connectors that recognise a file by its content."""
    return [
        Recognition(connector, reason)
        for connector in CONNECTORS
        for reason in [connector.recognise(preview)]
        if reason
    ]


def recognise(preview: Preview) -> Recognition:
    """The one connector that recognises a file by its content.

    Raises:
        UnrecognisedFileError: none does.
        AmbiguousFileError: more than one does.
    """
    claims = claims_on(preview)
    if len(claims) == 1:
        return claims[0]
    if claims:
        names = ", ".join(f"{claim.connector.name} ({claim.reason})" for claim in claims)
        raise AmbiguousFileError(
            preview.path, f"more than one connector claims it: {names}.", "Choose with --connector."
        )
    what, hint = "no connector recognises it.", UNKNOWN_HINT
    for other in other_readings(preview):
        if would := claims_on(Preview(preview.path, other.head)):
            names = " or ".join(f"{claim.connector.name} ({claim.reason})" for claim in would)
            what = f"it is {other.what}; else it would be read by {names}."
            hint = other.remedy
            break
        if other.is_certain:
            what, hint = f"it is {other.what}.", other.remedy
            break
    raise UnrecognisedFileError(preview.path, what, hint)


def version_of(connector: Connector, file: LandingFile) -> str:
    """The version that decides whether a file is ingested again; a mapping is part of it."""
    if _is_versioned(type(connector)):
        return cast("Versioned", connector).version_of(file)
    return connector.version


@cache
def _is_versioned(kind: type) -> bool:
    """Asked for each of ten thousand files: looking at a protocol takes longer than the answer."""
    return issubclass(kind, Versioned)


def companions_of(connector: Connector, path: Path) -> list[Path]:
    """Files that a connector needs beside one of its own."""
    return connector.companions_of(path) if isinstance(connector, Accompanied) else []


def is_sidecar(path: Path) -> bool:
    """A file that only helps to read its neighbours."""
    return path.name in SIDECARS
