"""The public validator's word on our files.

It proves little by itself (docs/focus.md): what it misses is in the row-level checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.conformance.environment import Validator
from tests.conformance.rules import CONTRADICTORY

pytestmark = pytest.mark.slow
EXPORTS = ("sample", "real", "every_kind")
# Gather all others, so they fail with any of them.
GATHERING = {"CostAndUsage-D-000-M", "CostAndUsage-D-002-M"}
Exports = Callable[[str], list[Path]]


@pytest.mark.parametrize("name", EXPORTS)
def test_corrected_rules_fail_in_nothing_when_all_criteria_are_on(
    validator: Validator, corrected_rules: Path, exports: Exports, name: str
) -> None:
    for file in exports(name):
        verdict = validator.judge(file, "ALL", corrected_rules)
        print(f"{name} {file.name}: {verdict.passed} pass, {len(verdict.failed)} fail")
        assert verdict.failed == frozenset(), file.name
        assert verdict.passed == 365, file.name


@pytest.mark.parametrize("name", EXPORTS)
def test_stock_rules_fail_in_the_contradictory_ones_only(
    validator: Validator, stock_criteria: str, exports: Exports, name: str
) -> None:
    for file in exports(name):
        verdict = validator.judge(file, stock_criteria)
        print(f"{name} {file.name}: {verdict.passed} pass, {sorted(verdict.failed)} fail")
        assert verdict.failed - GATHERING <= CONTRADICTORY, file.name


def test_validator_fails_when_a_file_breaks_a_rule(
    validator: Validator, corrected_rules: Path, exports: Exports, tmp_path: Path
) -> None:
    whole = next(file for file in exports("every_kind") if "supply.parquet" in file.name)
    broken = tmp_path / "broken.parquet"
    pl.read_parquet(whole).with_columns(pl.lit("Nothing").alias("ServiceCategory")).write_parquet(
        broken
    )
    verdict = validator.judge(broken, "ALL", corrected_rules)
    assert "ServiceCategory-C-003-M" in verdict.failed
