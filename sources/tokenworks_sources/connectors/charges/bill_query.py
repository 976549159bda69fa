"""The query that makes charges of a bill, and gives each row that is none its reason.

Belongs here: the frame of the query. What fills a column belongs to the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenworks_sources.connectors.charges.values import (
    NOT_A_NUMBER,
    NOT_A_TIME,
    Field,
    literal,
    moment,
    money,
)
from tokenworks_sources.contracts.charges import CONTRACT, MONEY
from tokenworks_sources.contracts.enforce import sql_violation


@dataclass(frozen=True)
class Relation:
    """A file as DuckDB reads it.

    Attributes:
        scan: table function with its arguments.
        number: column that numbers the records, or a constant where `line` needs none.
        line: expression of the record's `source_line`.
        fields: the columns that the format reads, by the format's name for them.
    """

    scan: str
    number: str
    line: str
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Fault:
    """What makes a row unusable.

    Attributes:
        when: SQL condition.
        reason: "field: what is wrong".
    """

    when: str
    reason: str


@dataclass(frozen=True)
class Charges:
    """How the rows of a file become charges.

    Attributes:
        columns: expression of each contract column that the format fills.
        faults: what to look for before the contract's own rules, in order.
    """

    columns: Mapping[str, str]
    faults: Sequence[Fault]


def unreadable(name: str, field: Field, kind: str) -> Fault:
    """The fault of a value that is there but is no number (kind `decimal…`) or time."""
    value, reason = (money(field), NOT_A_NUMBER) if kind == MONEY else (moment(field), NOT_A_TIME)
    return Fault(f"{field.sql} is not null and {value} is null", f"{name}: {reason}")


def good_rows(relation: Relation, charges: Charges, counter: str | None = None) -> str:
    """Rows that the contract allows, as `Sink.copy` wants them.

    Args:
        relation: the file.
        charges: what its rows become.
        counter: a sequence that is to count the other rows, where a pass to count all is dear.
    """
    keep = "reason is null"
    if counter is not None:
        keep = f"case when reason is null then true else nextval('{counter}') is null end"
    names = ", ".join(column.name for column in CONTRACT.columns)
    return f"select source_line, {names} from ({_judged(relation, charges)}) where {keep}"


def bad_rows(relation: Relation, charges: Charges) -> str:
    """Line, reason and text of the other rows."""
    raw = ", ".join(f"cast({field.sql} as varchar)" for field in relation.fields.values())
    judged = _judged(relation, charges, f", concat_ws(',', {raw}) as raw")
    return f"select source_line, reason, raw from ({judged}) where reason is not null"


def _judged(relation: Relation, charges: Charges, more: str = "") -> str:
    """Every row with its line, its typed columns, and the reason why it is bad, if it is.

    The window of the line number stands between the casts and the filter on the reason; below it the
    filter would be evaluated on a second set of casts.
    """
    typed = ", ".join(
        f"{charges.columns.get(column.name) or _null(column.type)} as {column.name}"
        for column in CONTRACT.columns
    )
    cases = " ".join(f"when {fault.when} then {literal(fault.reason)}" for fault in charges.faults)
    fault = f"case {cases} end" if cases else "cast(null as varchar)"
    return f"""
        select *, coalesce(fault, {sql_violation(CONTRACT)}) as reason
        from (
            select *, {relation.line} as source_line
            from (select {typed}, {fault} as fault, {relation.number}{more} from {relation.scan})
        )
    """


def _null(kind: str) -> str:
    return f"cast(null as {'varchar' if kind == 'string' else kind})"
