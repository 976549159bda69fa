"""What a file that nobody recognises may be: text in another encoding, a table with other delimiters, the
output of a tool that leaves out what its numbers need.

Nothing is read that way: a semicolon often means that a comma is the decimal point, and a wrong
encoding changes names without a sound. The user is told what to do instead. Pure.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.tabular import DELIMITERS

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars"}
# Of plain text in UTF-16 every second byte is zero; a share of them tells it from other data.
_SAMPLE_BYTES = 2_000
_ZEROS = 0.7
_FEWEST_COLUMNS = 3
# What tools print that cannot be read, by what it begins with.
_LACKING = (
    (
        re.compile(r"#\s*(?:Date\s+Time\s+)?gpu\s+\w+|#\s*Entity\s+\w+", re.IGNORECASE),
        "the output of a dmon, which names no zone, and often no time, of its readings",
        (
            "Log `nvidia-smi --query-gpu=timestamp,uuid,power.draw,utilization.gpu,memory.used "
            "--format=csv -l 1`, or scrape dcgm-exporter."
        ),
    ),
    (
        re.compile(
            r"[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d[^\n]*\n\+-+\+\n\| NVIDIA-SMI|=+NVSMI LOG=+"
        ),
        "a report of nvidia-smi for people, whose layout each driver changes",
        "Log `nvidia-smi -q -x`, or `nvidia-smi --query-gpu=timestamp,uuid,power.draw --format=csv`.",
    ),
    (
        re.compile(r'\{__name__="'),
        "a dump of promtool, which holds one series after another",
        "Land answers of /api/v1/query_range, or a Parquet file with a row per sample.",
    ),
    (
        re.compile(r'\{\s*"resourceMetrics"\s*:'),
        "metrics of OpenTelemetry, of which traces alone are read",
        "Land scrapes of /metrics, or answers of Prometheus' /api/v1/query_range.",
    ),
    (
        re.compile(
            r'\{\s*"(?:service_kind|experiments)"\s*:(?=.{0,4000}"experiment"\s*:)', re.DOTALL
        ),
        "the raw requests of GenAI-Perf, which hold texts and no tokens",
        "Land the profile_export_genai_perf.json that it writes beside it.",
    ),
    (
        re.compile(r"(?:[^\n]{0,200}, ?)?\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}(?:,|\n)"),
        "a log of nvidia-smi without its header (`--format=csv,noheader`)",
        (
            "Write the columns of its --query-gpu as the first line, with units where it has "
            "nounits: `timestamp, index, power.draw [W]`."
        ),
    ),
    (
        re.compile(
            r'\{(?=.{0,4000}"(?:avg_latency|elapsed_time)"\s*:)'
            r'(?=.{0,4000}"(?:latencies|total_num_tokens)"\s*:)',
            re.DOTALL,
        ),
        "a result of vLLM's offline benchmark, which names neither a model nor a time",
        "Land the result of `vllm bench serve --save-result`.",
    ),
    (
        re.compile(
            r'\{(?=[^\n]{0,500}"custom_id"\s*:)'
            r'(?=[^\n]{0,500}"result"\s*:\s*\{\s*"type"\s*:\s*"(?:succeeded|errored|canceled|expired)")'
        ),
        "a result of Anthropic's batches, which names no time",
        "Add `timestamp` to each line, such as the batch's ended_at, and land that.",
    ),
)


@dataclass(frozen=True)
class OtherReading:
    """What a file may be instead.

    Attributes:
        what: the words for it, after "it is".
        head: what its first bytes would be in the form that connectors read.
        remedy: what the user can do.
        is_certain: its first bytes say so by themselves.
    """

    what: str
    head: bytes
    remedy: str
    is_certain: bool


def other_readings(preview: Preview) -> Iterator[OtherReading]:
    """What an unrecognised file may be, the likeliest first."""
    encoding, is_certain = _encoding_of(preview.head)
    if encoding:
        text = _decoded(preview.head, encoding)
        if text is not None:
            yield OtherReading(
                f"{encoding} text, and connectors read UTF-8",
                text.encode(),
                f"Convert it: `iconv -f {encoding} -t UTF-8 {preview.path.name} > NEW`, or export "
                "it again as UTF-8.",
                is_certain,
            )
        return
    text = preview.text or ""
    for begins, what, remedy in _LACKING:
        if begins.match(text.lstrip()):
            yield OtherReading(what, b"", remedy, is_certain=True)
            return
    first = preview.first_line
    for delimiter, name in _NAMES.items():
        number = first.count(delimiter)
        if number >= max(_FEWEST_COLUMNS - 1, first.count(",") + 1):
            yield OtherReading(
                f"a table whose cells are parted by {name}, not by commas",
                preview.head.replace(delimiter.encode(), b","),
                "Export it again with commas (and points in numbers), or describe it in a mapping "
                f"with `csv: {{delimiter: {DELIMITERS[delimiter]}}}` (docs/mapping.md).",
                is_certain=False,
            )


def _encoding_of(head: bytes) -> tuple[str | None, bool]:
    """The encoding that the first bytes show, and whether a mark says so."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, True
    sample = head[:_SAMPLE_BYTES]
    if b"\x00" in sample:
        for start, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
            zeros = sample[start::2]
            others = sample[1 - start :: 2]
            if zeros.count(0) > _ZEROS * len(zeros) and others.count(0) == 0:
                return name, False
        return None, False
    try:
        head[:-4].decode()
    except UnicodeDecodeError:
        is_text = not any(byte < 9 or 13 < byte < 32 for byte in sample)
        return ("WINDOWS-1252" if is_text else None), False
    return None, False


def _decoded(head: bytes, encoding: str) -> str | None:
    unit = {"UTF-32": 4, "WINDOWS-1252": 1}.get(encoding, 2)
    try:
        whole = head[: len(head) // unit * unit]
        return whole.decode(encoding, "replace" if unit == 1 else "ignore")
    except UnicodeDecodeError:
        return None
