"""Child process of the fuzz test: ingests variants of one file, each in an empty home.

In a process of its own so that a crash, a hang or a blow-up is seen from outside.
"""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tests.hostile.mutations import variant
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.landing import open_decompressed, preview_of
from tokenworks_sources.manifest import load_manifest
from tokenworks_sources.outcomes import FAILED, FileOutcome
from tokenworks_sources.settings import Settings

FIXTURES = Path(__file__).parent / "fixtures"
SECONDS_PER_VARIANT = 60
# A shorter file of lines is repeated, so that what breaks one line leaves others whole.
FEW_BYTES = 4_000
# Connectors of which each line of a JSONL file is one record.
RECORD_A_LINE = frozenset(("litellm", "litellm_payload", "usage_bodies", "helicone", "aiperf"))


class HangError(Exception):
    """A variant took too long."""


@dataclass(frozen=True)
class Found:
    """What the variants of a file showed.

    Attributes:
        wrong: what went wrong, by variant.
        peak_mb: peak memory of the process, MiB.
    """

    wrong: list[str]
    peak_mb: int


def ingest_variants(path: Path, scratch: Path, count: int, out: Connection) -> None:
    """Ingests variants of a file, each in an empty home, and sends what was found."""
    signal.signal(signal.SIGALRM, _hang)
    connector = registry.recognise(preview_of(path)).connector
    plain = _plain(path)
    wrong = []
    for number in range(count):
        name, changed = variant(plain, number)
        home = scratch / str(number)
        landed = _landed(home, path, connector, changed)
        signal.alarm(SECONDS_PER_VARIANT)
        try:
            wrong += [f"{number} {name}: {problem}" for problem in _claims(landed)]
            (outcome,) = ingest_landing(Settings.at(home)).files
            wrong += [f"{number} {name}: {problem}" for problem in _problems(outcome, home, landed)]
        except Exception as error:
            wrong.append(f"{number} {name}: {type(error).__name__}: {str(error)[:300]}")
        finally:
            signal.alarm(0)
        shutil.rmtree(home)
    out.send(Found(wrong, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def _plain(path: Path) -> bytes:
    data = path.read_bytes()
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if path.suffix == ".jsonl" and len(plain) < FEW_BYTES:
        return plain * (FEW_BYTES // len(plain) + 1)
    return plain


def _landed(home: Path, source: Path, connector: Connector, data: bytes) -> Path:
    """The variant in the landing folder of an empty home, with the sidecars of its source.

    A real file that needs one and has none gets that of the made file of its format.
    """
    folder = home / "landing" / connector.table / connector.name / source.parent.name
    folder.mkdir(parents=True)
    made = sorted(FIXTURES.glob(f"{connector.name}/*/*"))
    for beside in (*made, *source.parent.iterdir()):
        if registry.is_sidecar(beside):
            shutil.copyfile(beside, folder / beside.name)
    path = folder / source.name.removesuffix(".gz")
    path.write_bytes(data)
    return path


def _claims(path: Path) -> list[str]:
    """Recognition meets the variant too: it does not raise, and one connector at most claims it."""
    try:
        claims = registry.claims_on(preview_of(path))
    except LandingFileError:
        return []  # empty, or its compression is damaged
    names = [claim.connector.name for claim in claims]
    return [f"claimed by {', '.join(names)}"] if len(names) > 1 else []


def _problems(outcome: FileOutcome, home: Path, path: Path) -> list[str]:
    left = [folder for folder in (home / "lake").glob("_staging/*") if any(folder.iterdir())]
    problems = [f"left {folder.name} in staging" for folder in left]
    if outcome.error is not None and len(outcome.error) > 2000:
        problems.append(f"an error of {len(outcome.error)} characters")
    if outcome.status == FAILED or outcome.connector not in RECORD_A_LINE:
        return problems
    lines = _lines_of(path)
    manifest = load_manifest(home / "lake", path.relative_to(home).parts[1], outcome.digest)
    if lines is not None and manifest is not None and manifest.records_in != lines:
        problems.append(f"{lines} lines that are not blank, but {manifest.records_in} records")
    return problems


def _lines_of(path: Path) -> int | None:
    """Lines that are not blank of a file whose first one is an object; None of any other file."""
    with open_decompressed(path) as stream:
        text = stream.read().removeprefix(b"\xef\xbb\xbf")
    lines = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
    try:
        return len(lines) if lines and isinstance(json.loads(lines[0]), dict) else None
    except (ValueError, RecursionError):
        return None


def _hang(*_: object) -> None:
    raise HangError(f"more than {SECONDS_PER_VARIANT} seconds")
