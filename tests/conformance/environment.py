"""The public validator in an environment of its own.

It needs Python 3.12 or newer and an older pyarrow than we use, so it cannot be installed beside the
project. `make conformance` names the tool that builds environments in UV; the folder stays for the
next run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = ("focus-validator==2.2.1", "pyarrow<21")
OLDEST = (3, 12)
# Its numpy has wheels up to here.
NEWEST = (3, 13)
# What the sample fleet's export makes no use of: their stock rules ask for it on every row.
NOT_IN_STOCK = ("CAPACITY_RESERVATION_SUPPORTED", "COMMITMENT_DISCOUNT_SUPPORTED")
_COUNTS = re.compile(r"Total: (\d+) \| Pass: (\d+) \| Fail: (\d+) \| Skipped: (\d+)")
_FAILURE = re.compile(r"^- ([A-Za-z]+-[A-Z]-\d{3}-[A-Z]): ", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What the validator says of a file.

    Attributes:
        passed: rules that pass.
        failed: rules that fail, by name.
        skipped: rules that cannot be decided from data.
    """

    passed: int
    failed: frozenset[str]
    skipped: int


@dataclass(frozen=True)
class Validator:
    """An installed validator.

    Attributes:
        folder: its environment.
        work: where it may write its log.
    """

    folder: Path
    work: Path

    @property
    def rules(self) -> Path:
        """The installed model of FOCUS 1.2."""
        return next(
            self.folder.glob("lib/python*/site-packages/focus_validator/rules/model-1.2*.json")
        )

    def criteria(self) -> list[str]:
        """Names of what a provider may support."""
        return sorted(json.loads(self.rules.read_text(encoding="utf-8"))["ApplicabilityCriteria"])

    def judge(self, file: Path, criteria: str, rules: Path | None = None) -> Verdict:
        """Runs all rules on a file; the exit code says nothing, the counts do."""
        # It looks for the list of currencies in the folder it runs in.
        codes = self.work / "focus_validator" / "rules" / "currency_codes.csv"
        if not codes.is_file():
            codes.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.rules.with_name(codes.name), codes)
        command = [
            str(self.folder / "bin" / "focus-validator"), "--data-file", str(file),
            "--validate-version", "1.2", "--focus-dataset", "CostAndUsage", "--block-download",
            "--output-type", "console", "--applicability-criteria", criteria,
        ]  # fmt: skip
        if rules is not None:
            command += ["--rule-set-path", str(rules)]
        run = subprocess.run(command, cwd=self.work, capture_output=True, text=True, check=False)
        found = _COUNTS.search(run.stdout)
        assert found is not None, run.stdout[-2000:] + run.stderr[-2000:]
        _, passed, failed, skipped = map(int, found.groups())
        names = frozenset(_FAILURE.findall(run.stdout.partition("--- Failures ---")[2]))
        # Rules that only gather others fail with them and are no finding of their own.
        assert failed == 0 or names, run.stdout[-2000:]
        return Verdict(passed, names, skipped)


def interpreter(uv: str) -> str | None:
    """A Python that the validator runs on, or none."""
    chosen = os.environ.get("CONFORMANCE_PYTHON")
    for candidate in [chosen] if chosen else _candidates(uv):
        version = _version(candidate)
        if version is not None and OLDEST <= version <= NEWEST:
            return candidate
    return None


def _candidates(uv: str) -> Iterator[str]:
    minors = range(OLDEST[1], NEWEST[1] + 1)
    for minor in minors:
        found = subprocess.run(
            [uv, "python", "find", "--no-python-downloads", "--no-project", f"3.{minor}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode == 0:
            yield found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in minors:
        yield from map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python3")))


def _version(python: str) -> tuple[int, int] | None:
    script = "import sys; print(*sys.version_info[:2])"
    try:
        run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    except OSError:
        return None
    if run.returncode:
        return None
    major, minor = map(int, run.stdout.split())
    return major, minor


def install(uv: str, python: str, folder: Path) -> None:
    """Build the environment, or leave it as it is."""
    if (folder / "bin" / "focus-validator").is_file():
        return
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", python, str(folder)],
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(folder / "bin" / "python"),
            *REQUIREMENTS,
        ],
    ):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
