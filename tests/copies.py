"""Processes that begin as copies of one that has imported everything.

An import of dbt takes longer than most of what tests have it do. A copy is a process of its own all the
same: it crashes, holds locks and takes memory alone.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tokenworks import dbt_process

COPIES = multiprocessing.get_context("forkserver")
COPIES.set_forkserver_preload(
    ["dbt.cli.main", "dbt.adapters.duckdb", "tests.hostile.ingest_variants"]
)
PATHS = ("TOKENWORKS_BUILD_DATABASE", "TOKENWORKS_LAKE", "TOKENWORKS_BOOKS")
PARSED = "partial_parse.msgpack"
# What dbt made of the project's files; the next home has only its own paths to add.
SHARED = Path(tempfile.mkdtemp(prefix="parsed-")) / PARSED
atexit.register(shutil.rmtree, SHARED.parent, ignore_errors=True)


class DbtCopy:
    """Stands in for `subprocess.Popen` where the command is dbt's, as far as `run_dbt` uses it.

    Attributes:
        stdout: what dbt prints, errors among it.
        returncode: its exit code, once it has ended.
    """

    stdout: TextIO
    returncode: int | None = None

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        pass_fds: Sequence[int],
        **_: object,
    ) -> None:
        target = Path(env["DBT_TARGET_PATH"])
        self._parsed = target / PARSED
        if SHARED.is_file() and not self._parsed.is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SHARED, self._parsed)
        # dbt parses the whole project anew where a path that it names has changed.
        paths = {name: os.path.relpath(env[name], cwd) for name in PATHS}
        reading, writing = COPIES.Pipe(duplex=False)
        held = [Connection(os.dup(lock)) for lock in pass_fds]
        arguments = list(command[3:])  # behind python -m tokenworks.dbt_process
        own = {**env, **paths}
        self._process = COPIES.Process(target=_dbt, args=(arguments, own, cwd, writing, held))
        self._process.start()
        for mine in (writing, *held):
            mine.close()
        self.stdout = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stdout.close()
        self._process.join()
        self.returncode = self._process.exitcode
        if self.returncode == 0 and not SHARED.is_file():
            shutil.copyfile(self._parsed, SHARED)


def _dbt(
    arguments: list[str], env: dict[str, str], cwd: Path, out: Connection, held: list[Connection]
) -> None:
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    for standard in (1, 2):
        os.dup2(out.fileno(), standard)
    out.close()
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    assert all(not lock.closed for lock in held)
    sys.exit(dbt_process.main(arguments))
