"""Child process of the fuzz test: ingests variants of one file, each in an empty home.

Prints one JSON object: what went wrong, by variant, and the peak memory. In a process of its own so
that a crash, a hang or a blow-up is seen from outside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import signal
import sys
from pathlib import Path

from tests.hostile.mutations import variant
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import FAILED, ingest_landing
from tokenworks_sources.landing import preview_of
from tokenworks_sources.settings import Settings

SECONDS_PER_VARIANT = 60


class HangError(Exception):
    """A variant took too long."""


def main() -> None:
    """Reads the arguments and ingests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    signal.signal(signal.SIGALRM, _hang)
    connector = registry.recognise(preview_of(given.file)).connector
    data = given.file.read_bytes()
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    wrong, read = [], 0
    for number in range(given.first, given.first + given.count):
        name, changed = variant(plain, number)
        home = given.scratch / str(number)
        folder = home / "landing" / connector.table / connector.name / given.file.parent.name
        folder.mkdir(parents=True)
        for beside in given.file.parent.iterdir():
            if registry.is_sidecar(beside):
                shutil.copyfile(beside, folder / beside.name)
        (folder / given.file.name.removesuffix(".gz")).write_bytes(changed)
        signal.alarm(SECONDS_PER_VARIANT)
        try:
            (outcome,) = ingest_landing(Settings.at(home)).files
            read += outcome.status != FAILED
            wrong += [f"{number} {name}: {problem}" for problem in _problems(outcome, home)]
        except Exception as error:
            wrong.append(f"{number} {name}: {type(error).__name__}: {str(error)[:300]}")
        finally:
            signal.alarm(0)
        shutil.rmtree(home)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump({"wrong": wrong, "read": read, "peak_mb": peak_mb}, sys.stdout)


def _problems(outcome: object, home: Path) -> list[str]:
    error = getattr(outcome, "error", None)
    left = [path for path in (home / "lake").glob("_staging/*") if any(path.iterdir())]
    problems = [f"left {path.name} in staging" for path in left]
    if error is not None and len(error) > 2000:
        problems.append(f"an error of {len(error)} characters")
    return problems


def _hang(*_: object) -> None:
    raise HangError(f"more than {SECONDS_PER_VARIANT} seconds")


if __name__ == "__main__":
    main()
