"""What the lake knows a landing file by: its content, and what its path says where rows depend on it."""

from __future__ import annotations

from pathlib import Path

import xxhash

from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.mapped.mapped import Mapped
from tokenworks_sources.landing import decompressed_digest_of, digest_of

# Time, instance, host, zone or meter may stand in the path alone.
READ_BY_PATH = frozenset(
    {
        "vllm_prometheus",
        "sglang_prometheus",
        "trtllm_prometheus",
        "triton_prometheus",
        "dynamo_prometheus",
        "nim_prometheus",
        "prometheus_dump",
        "dcgm_prometheus",
        "nvidia_smi_csv",
        "nvidia_smi_capture",
        "nvidia_smi_xml",
        "nvidia_gpu_exporter",
        "amd_smi_csv",
        "ptdaemon",
        "utility_csv",
        "codecarbon_runs",
        "energyzero",
        "spp",
        "google_regions",
        "codecarbon",
        "avert",
        "aiperf",
        "vllm_bench",
        "sglang_bench",
        "llmperf",
        "burstgpt_runs",
    }
)

# A record without an id is the line of its file, so that a compressed copy of the file would count it
# again: these files are known by what they decompress to. Of logs whose requests have ids that would
# be a second decompression for nothing.
NAMELESS_RECORDS = frozenset(
    {
        "focus",
        "aws_cur",
        "azure_cost",
        "oci_cost",
        "usage_bodies",
        "aiperf",
        "vllm_bench",
        "sglang_bench",
        "llmperf",
        "burstgpt_runs",
        "aiperf_summary",
        "vllm_bench_runs",
        "sglang_bench_runs",
        "llmperf_summary",
        "inferencex_agg",
    }
)


def content_digest_of(connector: Connector, path: Path) -> str:
    """Digest of a file's bytes; where records have no name of their own, of the decompressed ones."""
    is_plain = not isinstance(connector, Mapped) and connector.name not in NAMELESS_RECORDS
    return digest_of(path) if is_plain else decompressed_digest_of(path)


def identity_of(connector: Connector, path: Path, name: str, digest: str) -> str:
    """What a file is known by: its bytes, and what its path says where rows depend on it.

    Two idle engines answer two scrapes with the same bytes; folder and file name tell them apart.

    Args:
        connector: reads the file.
        path: where it lies.
        name: its path relative to the landing folder.
        digest: digest of its content.
    """
    if isinstance(connector, Mapped):
        says = connector.context_of(LandingFile(path, name, digest))
    elif connector.name in READ_BY_PATH:
        says = "/".join(Path(name).parts[-2:])
    else:
        return digest
    return str(xxhash.xxh3_128_hexdigest("\0".join((digest, connector.name, says)).encode()))
