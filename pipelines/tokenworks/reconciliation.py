"""What is published, against the bills and the meters: the lines that do not balance.

The identities themselves are dbt models and tests. What Dagster makes of the lines lives in
`checks/reconcile.py`, what the command line says in `cli/warehouse.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from tokenworks.reports.formatting import quantity


@dataclass(frozen=True)
class Line:
    """One line of the reconciliation that does not balance."""

    check_name: str
    is_blocking: bool
    subject: str
    period_start: date | None
    unit: str | None
    expected: Decimal | float | None
    actual: Decimal | float | None
    difference: Decimal | float | None

    @property
    def message(self) -> str:
        """The line as a sentence."""
        unit = f" {self.unit}" if self.unit else ""
        expected, actual, difference = map(_shown, (self.expected, self.actual, self.difference))
        return (
            f"{self.check_name} of {self.subject} from {self.period_start}: expected "
            f"{expected}{unit}, found {actual}, difference {difference}"
        )


def _shown(value: Decimal | float | None) -> str:
    """All digits that count, as people write them: 608,000,000,000 and 0."""
    return quantity(None if value is None else Decimal(str(value)))


def unbalanced(database: Path) -> tuple[int, list[Line]]:
    """Number of lines of the published reconciliation, and those that do not balance."""
    with duckdb.connect(str(database), read_only=True) as connection:
        total = connection.execute("select count(*) from rpt_reconciliation").fetchone()
        rows = connection.execute(
            "select check_name, is_blocking, subject, period_start, unit, expected, actual, "
            "difference from rpt_reconciliation where is_balanced is not true order by all"
        ).fetchall()
    return int(total[0]) if total else 0, [Line(*row) for row in rows]
