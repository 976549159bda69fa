"""Child process of the fuzz test: ingests variants of one file, many in one home.

In a process of its own so that a crash, a hang or a blow-up is seen from outside. Belongs here: what must
be true of each variant, and of the whole file that lies among them.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl

from tests.hostile.mutations import variant
from tests.hostile.pieces import pieces_of
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake.paths import partition_files
from tokenworks_sources.landing import landing_files, open_decompressed, preview_of
from tokenworks_sources.manifest import Manifest, load_manifests
from tokenworks_sources.outcomes import FAILED, FileOutcome
from tokenworks_sources.settings import Settings

FIXTURES = Path(__file__).parent / "fixtures"
# Of a batch, which usually takes one or two; not of the wall, as the machine may be busy.
CPU_SECONDS = 60.0
# Connectors of which each line of a JSONL file is one record.
RECORD_A_LINE = frozenset(("litellm", "litellm_payload", "usage_bodies", "helicone", "aiperf"))
# What an ingest says of a connector whose counts do not add up.
FAULT = "fault of connector"
# Names for real files that say neither their time nor its zone, which these connectors look for there.
NAMED = {
    "amd_smi_csv": "20261001T000500Z.csv",
    "dcgm_prometheus": "20261001T000500Z.prom",
    "nvidia_gpu_exporter": "20261001T000500Z.prom",
    "nvidia_smi_xml": "gpu.UTC.xml",
}
WHOLE = -1


class HangError(Exception):
    """A batch took too long."""


@dataclass(frozen=True)
class Told:
    """What one batch of variants showed.

    Attributes:
        variants: how many it held.
        wrong: what went wrong, by variant.
        peak_mb: peak memory of the process so far, MiB.
    """

    variants: int
    wrong: list[str]
    peak_mb: int


@dataclass(frozen=True)
class Broken:
    """A file to break.

    Attributes:
        path: where it lies, with its sidecars.
        plain: what of it is broken: whole records, decompressed.
        connector: reads it.
    """

    path: Path
    plain: bytes
    connector: Connector

    @property
    def name(self) -> str:
        """Its file name, which some connectors read."""
        return NAMED.get(self.connector.name) or self.path.name.removesuffix(".gz")


def ingest_variants(
    path: Path, scratch: Path, numbers: Sequence[int], at_once: int, out: Connection
) -> None:
    """Ingests variants of a file batch by batch, and sends what each batch showed."""
    signal.signal(signal.SIGPROF, _hang)
    file = _broken(path, scratch / "whole")
    for start in range(0, len(numbers), at_once):
        batch = numbers[start : start + at_once]
        wrong = _batch(file, scratch / str(batch[0]), batch)
        out.send(Told(len(batch), wrong, _peak_mb()))


def _broken(path: Path, home: Path) -> Broken:
    """The smallest piece of a file that its connector still reads."""
    connector = registry.recognise(preview_of(path)).connector
    *pieces, plain = (Broken(path, piece, connector) for piece in pieces_of(path))
    for piece in pieces:
        if not _batch(piece, home, []):
            return piece
    return plain


def _batch(file: Broken, home: Path, numbers: Sequence[int]) -> list[str]:
    """What is wrong with the variants of one landing folder; each alone, where they raise together."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        return list(_ingested(file, home, numbers))
    except Exception as error:
        raised = f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        shutil.rmtree(home, ignore_errors=True)
    if len(numbers) <= 1:
        return [f"{_label(file, *(numbers or [WHOLE]))}: {raised}"]
    alone = [problem for number in numbers for problem in _batch(file, home, [number])]
    return alone or [f"{numbers[0]} to {numbers[-1]}, only together: {raised}"]


def _ingested(file: Broken, home: Path, numbers: Sequence[int]) -> Iterator[str]:
    """Lands the variants and the whole file, ingests them, and compares."""
    paths = {number: _landed(home, file, number) for number in (WHOLE, *numbers)}
    for number in numbers:
        yield from (f"{_label(file, number)}: {said}" for said in _claims(paths[number]))
    settings = Settings.at(home)
    landed = [path for path in landing_files(settings) if not registry.is_sidecar(path)]
    # A variant that holds the bytes of another is told of under the name of that.
    outcomes = dict(zip(landed, ingest_landing(settings).files, strict=True))
    known = load_manifests(home / "lake", file.connector.table)
    manifests: dict[str, Manifest] = {}
    for number, path in paths.items():
        outcome = outcomes[path]
        manifest = known.get(outcome.digest)
        if manifest is not None:
            manifests[manifest.digest] = manifest
        found = [*_problems(outcome, manifest, path)]
        if number == WHOLE and (outcome.status == FAILED or not (outcome.rows or outcome.skipped)):
            found.append(f"not read: {outcome.error}")
        yield from (f"{_label(file, number)}: {said}" for said in found)
    yield from _not_in_lake(home / "lake", manifests)
    for folder in (home / "lake" / "_staging").glob("*"):
        if any(folder.iterdir()):
            yield f"left {folder.name} in staging"


def _landed(home: Path, file: Broken, number: int) -> Path:
    """A variant in a landing folder of its own, with the sidecars of its source.

    A real file that needs one and has none gets that of the made file of its format.
    """
    connector = file.connector
    landing = home / "landing" / connector.table / connector.name
    folder = landing / ("whole" if number == WHOLE else str(number)) / file.path.parent.name
    folder.mkdir(parents=True)
    made = sorted(FIXTURES.glob(f"{connector.name}/*/*"))
    for beside in (*made, *file.path.parent.iterdir()):
        if registry.is_sidecar(beside):
            shutil.copyfile(beside, folder / beside.name)
    path = folder / file.name
    path.write_bytes(file.plain if number == WHOLE else variant(file.plain, number)[1])
    return path


def _claims(path: Path) -> list[str]:
    """Recognition meets the variant too: it does not raise, and one connector at most claims it."""
    try:
        claims = registry.claims_on(preview_of(path))
    except LandingFileError:
        return []  # empty, or its compression is damaged
    names = [claim.connector.name for claim in claims]
    return [f"claimed by {', '.join(names)}"] if len(names) > 1 else []


def _problems(outcome: FileOutcome, manifest: Manifest | None, path: Path) -> Iterator[str]:
    """What is wrong with one file's account."""
    error = outcome.error or ""
    if len(error) > 2000:
        yield f"an error of {len(error)} characters"
    if FAULT in error or (outcome.status == FAILED and not error):
        yield f"failed: {error[:300] or 'and nobody says why'}"
    if manifest is None:
        if outcome.status != FAILED:
            yield f"{outcome.status} without a manifest"
        return
    kept = manifest.records_out + sum((*manifest.rejects.values(), *manifest.skipped.values()))
    if manifest.records_in != kept:
        yield f"{manifest.records_in} records in, but {kept} out, rejected or skipped"
    if outcome.connector in RECORD_A_LINE and outcome.status != FAILED:
        lines = _lines_of(path)
        if lines is not None and manifest.records_in != lines:
            yield f"{lines} lines that are not blank, but {manifest.records_in} records"


def _not_in_lake(lake: Path, manifests: dict[str, Manifest]) -> Iterator[str]:
    """Manifests that say something else than what lies in the lake and beside it."""
    said = {
        (table, digest): given.rows
        for digest, manifest in manifests.items()
        for table, given in manifest.tables.items()
    }
    said |= {
        ("rejects", digest): sum(manifest.rejects.values())
        for digest, manifest in manifests.items()
        if manifest.rejects
    }
    lies: Counter[tuple[str, str]] = Counter()
    for table in {table for table, _ in said} - {"rejects"}:
        for part in partition_files(lake, table):
            digests = pl.read_parquet(part, columns=["source_digest"])["source_digest"]
            for digest, number in digests.value_counts().iter_rows():
                lies[table, digest] += number
    for part in lake.glob("_rejects/*/*.parquet"):
        kept = pl.read_parquet(part, columns=["source_digest", "records"])
        for digest, number in kept.group_by("source_digest").sum().iter_rows():
            lies["rejects", digest] += number
    for key in said.keys() | lies.keys():
        if said.get(key, 0) != lies[key]:
            name = manifests[key[1]].name if key[1] in manifests else "a file without a manifest"
            yield f"{name}: {said.get(key, 0)} of {key[0]} are told, {lies[key]} lie in the lake"


def _label(file: Broken, number: int) -> str:
    return "the whole file" if number == WHOLE else f"{number} {variant(file.plain, number)[0]}"


def _lines_of(path: Path) -> int | None:
    """Lines that are not blank of a file whose first one is an object; None of any other file."""
    with open_decompressed(path) as stream:
        text = stream.read().removeprefix(b"\xef\xbb\xbf")
    lines = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
    try:
        return len(lines) if lines and isinstance(json.loads(lines[0]), dict) else None
    except (ValueError, RecursionError):
        return None


def _peak_mb() -> int:
    """Peak memory of this process alone; that of `resource` includes what its parent once took."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _hang(*_: object) -> None:
    raise HangError(f"more than {CPU_SECONDS:.0f} CPU-seconds")
