"""What a check found, as plain data.

Belongs here: the result of validating one table, and how it reads. How it is found lives in
`suites.py`; what Dagster makes of it lives in `assets.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Finding:
    """One rule that rows of a table break.

    Attributes:
        column: the column, or the columns joined by commas.
        rule: what a value must be, in words.
        count: rows that break the rule.
        sample: one value that breaks it, as text.
        source_file: landing file of the sample, None where the rule is about the table.
        source_line: line of the sample in that file.
    """

    column: str
    rule: str
    count: int
    sample: str
    source_file: str | None = None
    source_line: int | None = None

    @property
    def message(self) -> str:
        """One sentence: column, rule, count, sample, file and line."""
        where = f" in {self.source_file}, line {self.source_line}" if self.source_file else ""
        rows = counted(self.count)
        return f"{self.column} {self.rule}: {rows}, for example {self.sample}{where}"


@dataclass(frozen=True)
class TableResult:
    """The outcome of a table's rules on some of its rows.

    Attributes:
        table: the lake table.
        rows: rows that were looked at.
        rules: rules that were applied.
        findings: the rules that were broken; empty where all hold.
    """

    table: str
    rows: int
    rules: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return not self.findings

    @property
    def message(self) -> str:
        """One sentence where all is well, else one line per finding."""
        if self.passed:
            return f"{self.table}: {counted(self.rows)} checked by {self.rules} rules"
        return "\n".join(f"{self.table}: {finding.message}" for finding in self.findings)


def merged(table: str, results: Iterable[TableResult]) -> TableResult:
    """One result of several over disjoint rows: rows and counts add up, first samples stay."""
    rows, rules = 0, 0
    findings: dict[tuple[str, str], Finding] = {}
    for result in results:
        rows += result.rows
        rules = max(rules, result.rules)
        for finding in result.findings:
            known = findings.get((finding.column, finding.rule))
            total = finding.count + (known.count if known else 0)
            findings[(finding.column, finding.rule)] = replace(known or finding, count=total)
    return TableResult(table, rows, rules, tuple(findings.values()))


def counted(rows: int) -> str:
    """A number of rows in words."""
    return "1 row" if rows == 1 else f"{rows} rows"
