"""One good file of every format, small and made by hand, to plant canaries in.

`fixtures/<connector>/<folder>/` holds them as they would land, with the sidecars that they need.
"""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tests.hostile import spans_with_texts
from tests.unit.connectors.spans import protobuf
from tokenworks_sources.connectors import registry

FIXTURES = Path(__file__).parent / "fixtures"
LANDING = Path(__file__).resolve().parents[2] / "sample_data" / "landing"
# Formats that our own sample holds: the connector and a file of it.
OURS = (("focus", "charges"), ("fleet_yaml", "fleet"), ("litellm", "requests"))
# Tables that also come as Parquet, made of their CSV.
ALSO_PARQUET = ("focus", "aws_cur", "langfuse", "helicone")
SCRAPES = {
    "timestamp": [1_792_404_000_000, 1_792_404_060_000],
    "__name__": ["vllm:prompt_tokens_total", "vllm:prompt_tokens_total"],
    "model_name": ["small", "small"],
    "instance": ["engine-0:8000", "engine-0:8000"],
    "note": ["nothing", "nothing"],
    "value": [10.0, 20.0],
}


@dataclass(frozen=True)
class Sample:
    """A good file.

    Attributes:
        name: its file name.
        folder: the folder that it lies in, which some connectors read.
        data: its bytes.
        beside: sidecars by name.
    """

    name: str
    folder: str
    data: bytes
    beside: dict[str, bytes]


def _fixtures() -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for path in sorted(path for path in FIXTURES.rglob("*") if path.is_file()):
        if registry.is_sidecar(path):
            continue
        beside = {
            other.name: other.read_bytes()
            for other in path.parent.iterdir()
            if registry.is_sidecar(other)
        }
        sample = Sample(path.name, path.parent.name, path.read_bytes(), beside)
        found[path.relative_to(FIXTURES).parts[0]].append(sample)
    for name, table in OURS:
        path = min((LANDING / table / name).rglob("*.*"), key=lambda path: path.stat().st_size)
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = b"".join(gzip.decompress(data).splitlines(keepends=True)[:20])
        found[name].append(Sample(path.name.removesuffix(".gz"), "ours", data, {}))
    for name in ALSO_PARQUET:
        table = next(sample for sample in found[name] if sample.name.endswith(".csv"))
        rows = pl.read_csv(io.BytesIO(table.data), infer_schema=False)
        found[name].append(replace(table, name="table.parquet", data=_parquet(rows)))
    scrapes = Sample("range.parquet", "in", _parquet(pl.DataFrame(SCRAPES)), {})
    found["prometheus_dump"].append(scrapes)
    spans = spans_with_texts.export()
    found["otlp_json"].append(Sample("spans.json", "in", json.dumps(spans).encode(), {}))
    found["otlp_protobuf"].append(Sample("spans.binpb", "in", protobuf(spans), {}))
    return dict(found)


def _parquet(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.write_parquet(out)
    return out.getvalue()


SAMPLES = _fixtures()
