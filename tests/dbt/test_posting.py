"""Posting in SQL and in Python: one list of currencies, one way to round."""

from __future__ import annotations

import re
from pathlib import Path

from tokenworks.dbt_project import project_dir
from tokenworks.reports.money import SCALE, minor_digits

_BRANCH = re.compile(r"in \(([^)]*)\) then (\d+)")


def _steps(macros: Path) -> dict[str, int]:
    text = macros.read_text(encoding="utf-8")
    return {
        code: int(step)
        for codes, step in _BRANCH.findall(text)
        for code in re.findall(r"[A-Z]{3}", codes)
    }


def test_minor_units_of_sql_are_those_of_the_reports() -> None:
    steps = _steps(project_dir() / "macros" / "posting.sql")
    assert len(steps) == 26
    assert steps["JPY"] == 10**12
    assert steps["KWD"] == 10**9
    assert steps == {code: 10 ** (SCALE - minor_digits(code)) for code in steps}
    assert minor_digits("USD") == 2
