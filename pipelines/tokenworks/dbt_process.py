"""dbt as the process that `dbt_project.py` starts: what dbt spends on itself is kept small.

Belongs here: how dbt is called inside its process, and what it leaves behind. Run it with
`python -m tokenworks.dbt_process <arguments of dbt>`.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

RUN_RESULTS = "run_results.json"
PASSED, FAILED, REFUSED = 0, 1, 2
SHOWN = ("info", "warn", "error")
REFUSAL = "MainEncounteredError"  # not told before dbt has read its flags, so `main` tells all
# A run is a million objects that mostly stay; Python would look through them again and again.
COLLECTED_EVERY = 200_000


def main(arguments: Sequence[str]) -> int:
    """Run dbt, print what it says, and write what each node did into the target folder.

    dbt itself writes that only along with its manifest, which a build has no need of.

    Returns:
        0 where all went well, 1 where a node failed, 2 where dbt could not run.
    """
    gc.disable()
    os.environ["DBT_LOG_LEVEL"] = "none"  # `show` prints
    # A file of all that dbt does takes a tenth of a small build; who looks for an error asks for it.
    os.environ.setdefault("DBT_LOG_LEVEL_FILE", "none")
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner(callbacks=[show, collect]).invoke(list(arguments))
    if isinstance(outcome.result, RunExecutionResult):
        outcome.result.write(str(Path(os.environ["DBT_TARGET_PATH"]) / RUN_RESULTS))
    if outcome.exception is not None:
        _say(f"Encountered an error:\n{outcome.exception}")
        return REFUSED
    return PASSED if outcome.success else FAILED


def show(event: Any) -> None:
    """Print what dbt's console shows; that formats all events, also those that it then hides."""
    if event.info.level in SHOWN and event.info.name != REFUSAL:
        _say(event.info.msg)


def collect(event: Any) -> None:
    """Once nodes are built, look for garbage; among what dbt had read by then there is little, and much to look at."""
    if event.info.name == "NodeStart" and not gc.isenabled():
        gc.freeze()
        gc.set_threshold(COLLECTED_EVERY)
        gc.enable()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def leave(code: int) -> NoReturn:
    """End as Python does, except that what the process holds is not freed object by object: half a second."""
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
