"""Samples per second of the vLLM connector and of the dump connector beside plain ways to read.

Run it with `python tests/benchmarks/bench_prometheus.py [scrapes]`. The plain ways only find names,
labels and values; they build no rows, no histograms, check nothing and report nothing. The dump holds
the same samples as the scrapes, as an answer of `query_range`.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import msgspec
from counting_sink import CountingSink

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.engine_samples.prometheus_dump import CONNECTOR as DUMP
from tokenworks_sources.connectors.engine_samples.vllm_prometheus import CONNECTOR

GOAL = 400_000
BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40)
HISTOGRAMS = (
    "time_to_first_token_seconds",
    "inter_token_latency_seconds",
    "request_time_per_output_token_seconds",
    "e2e_request_latency_seconds",
    "request_queue_time_seconds",
    "request_prefill_time_seconds",
    "request_decode_time_seconds",
    "request_inference_time_seconds",
    "request_prompt_tokens",
    "request_generation_tokens",
    "iteration_tokens_total",
)
LABELS = 'engine="{engine}",model_name="meta-llama/Llama-3.1-8B-Instruct"'


def scrape_lines(step: int, engine: int) -> list[str]:
    """One engine core's part of a scrape."""
    labels = LABELS.format(engine=engine)
    lines = [
        f"vllm:num_requests_running{{{labels}}} {step % 64}.0",
        f"vllm:kv_cache_usage_perc{{{labels}}} {step % 100 / 100}",
        f"vllm:prompt_tokens_total{{{labels}}} {step * 1234.0}",
        f"vllm:generation_tokens_total{{{labels}}} {step * 567.0}",
        f'vllm:request_success_total{{finished_reason="stop",{labels}}} {step * 3.0}',
        f"vllm:prompt_tokens_created{{{labels}}} 1.7590000001234567e+09",
    ]
    for name in HISTOGRAMS:
        lines.append(f"# TYPE vllm:{name} histogram")
        for rank, bound in enumerate((*BOUNDS, "+Inf")):
            lines.append(f'vllm:{name}_bucket{{{labels},le="{bound}"}} {step * (rank + 1)}.0')
        lines.append(f"vllm:{name}_sum{{{labels}}} {step * 0.731}")
        lines.append(f"vllm:{name}_count{{{labels}}} {step * (len(BOUNDS) + 1)}.0")
    return lines


def write_scrapes(path: Path, scrapes: int) -> int:
    """A file of scrapes of two engine cores; returns its samples."""
    samples = 0
    with path.open("w") as stream:
        for step in range(scrapes):
            lines = scrape_lines(step, 0) + scrape_lines(step, 1)
            samples += sum(line[0] != "#" for line in lines)
            stream.write(f"# scraped_at {1_790_000_000 + 15 * step}\n# instance engine-0:8000\n")
            stream.write("\n".join(lines) + "\n")
    return samples


def write_answer(path: Path, scrapes: int) -> int:
    """The same samples as one answer of `query_range`, a series after the other."""
    values: dict[str, list[list[object]]] = {}
    for step in range(scrapes):
        for line in scrape_lines(step, 0) + scrape_lines(step, 1):
            if line[0] != "#":
                key, _, value = line.rpartition(" ")
                values.setdefault(key, []).append([1_790_000_000 + 15 * step, value])
    result = []
    for key, pairs in values.items():
        name, _, rest = key.partition("{")
        labels = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        metric = {"__name__": name, "instance": "engine-0:8000", "job": "vllm"} | labels
        result.append({"metric": metric, "values": pairs})
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    path.write_text(json.dumps(body, separators=(",", ":")))
    return sum(len(pairs) for pairs in values.values())


def through_dump(path: Path) -> None:
    """Everything: sorted by instant, rows of both tables, checks, accounting."""
    sink = CountingSink(path.parent)
    DUMP.read(LandingFile(path, "engine_samples/prometheus_dump/bench.json", "0"), sink)
    assert sink.records == sink.expected


def in_json(path: Path) -> None:
    """The bare decoder of the standard library."""
    json.loads(path.read_bytes())


def in_msgspec(path: Path) -> None:
    """The bare decoder that the connector uses, without types."""
    msgspec.json.decode(path.read_bytes())


def through_connector(path: Path) -> None:
    """Everything: rows of both tables, checks, accounting."""
    sink = CountingSink(path.parent)
    CONNECTOR.read(LandingFile(path, "engine_samples/vllm_prometheus/bench.prom", "0"), sink)
    assert sink.records == sink.expected


def in_plain_python(path: Path) -> None:
    """Name, labels and value of every line by two regular expressions."""
    line_of = re.compile(r"^([^\s{]+)(?:\{(.*)\})? (\S+)$")
    label_of = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
    with path.open() as stream:
        matches = [line_of.match(line) for line in stream if line[0] != "#"]
    for match in matches:
        if match:
            _ = match[1], dict(label_of.findall(match[2] or "")), float(match[3])


def in_duckdb(path: Path) -> None:
    """Name, label text and value of every line by DuckDB string functions."""
    duckdb.sql(
        f"""
        create or replace temp table found as
        select
            split_part(line, '{{', 1) as name,
            regexp_extract(line, '\\{{(.*)\\}}', 1) as labels,
            try_cast(split_part(line, ' ', -1) as double) as value,
        from read_csv(
            '{path}', columns = {{'line': 'varchar'}}, delim = '\\1', quote = '', header = false
        )
        where line[1] <> '#'
        """
    )


def rate_of(read: Callable[[Path], None], path: Path, samples: int) -> float:
    """Samples per second, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        read(path)
        best = min(best, time.perf_counter() - start)
    return samples / best


def compare(
    what: str,
    read: Callable[[Path], None],
    path: Path,
    samples: int,
    plain: Mapping[str, Callable[[Path], None]],
) -> None:
    """Prints the rate of a connector, those of the plain ways and their ratios."""
    print(f"{samples:,} samples in {path.stat().st_size / 1e6:.0f} MB")
    connector = rate_of(read, path, samples)
    print(f"{what} {connector:12,.0f} samples/s  (goal {GOAL:,})")
    for name, way in plain.items():
        rate = rate_of(way, path, samples)
        print(f"{name} {rate:12,.0f} samples/s  connector is {connector / rate:.2f} x")


def main() -> None:
    """Prints the rates and their ratios."""
    scrapes = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.prom"
        samples = write_scrapes(path, scrapes)
        plain = {"plain python": in_plain_python, "duckdb split": in_duckdb}
        compare("connector   ", through_connector, path, samples, plain)
        path = Path(folder) / "bench.json"
        samples = write_answer(path, scrapes)
        plain = {"json        ": in_json, "msgspec     ": in_msgspec}
        compare("query_range ", through_dump, path, samples, plain)


if __name__ == "__main__":
    main()
