"""SQL that types FOCUS rows and gives each bad one its reason.

Belongs here: text of queries over a `Relation`, whatever the file is. Money is cast from text or
decimal straight to decimal(38,12), rounding half away from zero behind the 12th digit. A double in
Parquet is cast through its shortest decimal text, so 0.1 is 0.1 and not 0.1000000000000000055.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.charges.focus_columns import focus_name, sources_of
from tokenworks_sources.contracts.charges import CONTRACT, MONEY
from tokenworks_sources.contracts.enforce import sql_violation
from tokenworks_sources.contracts.model import Column

TIME = "time (YYYY-MM-DD hh:mm:ss, UTC)"


@dataclass(frozen=True)
class Relation:
    """A file as DuckDB reads it.

    Attributes:
        scan: table function with its arguments.
        number: column that numbers the records, or a constant where `line` needs none.
        line: expression of the record's `source_line`.
        columns: SQL identifier and DuckDB type of each column by its FOCUS name.
    """

    scan: str
    number: str
    line: str
    columns: dict[str, tuple[str, str]]


def good_rows(relation: Relation) -> str:
    """Rows that the contract allows, as `Sink.copy` wants them."""
    names = ", ".join(column.name for column in CONTRACT.columns)
    return f"select source_line, {names} from ({_judged(relation)}) where reason is null"


def bad_rows(relation: Relation) -> str:
    """Line, reason and text of the other rows."""
    return f"select source_line, reason, raw from ({_judged(relation)}) where reason is not null"


def _judged(relation: Relation) -> str:
    """Every row with its line, its typed columns, and the reason why it is bad, if it is.

    The window of the line number stands between the casts and the filter on the reason; below it the
    filter would be evaluated on a second set of casts.
    """
    typed = ", ".join(f"{_typed(column, relation)} as {column.name}" for column in CONTRACT.columns)
    given = ", ".join(
        f"{identifier} is not null as given_{index}"
        for index, (_, identifier) in enumerate(_fallible(relation))
    )
    raw = ", ".join(f"cast({identifier} as varchar)" for identifier, _ in relation.columns.values())
    return f"""
        select *, coalesce({_fault(relation)}, {sql_violation(CONTRACT)}) as reason
        from (
            select *, {relation.line} as source_line
            from (
                select {typed}, {given}, {relation.number}, concat_ws(',', {raw}) as raw
                from {relation.scan}
            )
        )
    """


def _fallible(relation: Relation) -> list[tuple[Column, str]]:
    """Columns whose text may be no number or time, with the identifiers that fill them."""
    return [
        (column, relation.columns[name][0])
        for column in CONTRACT.columns
        if column.type != "string"
        for name in sources_of(column.name, relation.columns)
    ]


def _typed(column: Column, relation: Relation) -> str:
    names = sources_of(column.name, relation.columns)
    if not names:
        return f"cast(null as {'varchar' if column.type == 'string' else column.type})"
    values = [_cast(column, *relation.columns[name]) for name in names]
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _cast(column: Column, identifier: str, kind: str) -> str:
    if column.type == MONEY:
        text = f"cast({identifier} as varchar)" if kind in ("DOUBLE", "FLOAT") else identifier
        return f"try_cast({text} as {MONEY})"
    if column.type == "timestamp":
        return _moment(identifier, kind)
    if column.name == "tags":
        return _tags(identifier, kind)
    if column.allowed:
        return _enumerated(column, identifier)
    return identifier if kind == "VARCHAR" else f"cast({identifier} as varchar)"


def _enumerated(column: Column, identifier: str) -> str:
    """FOCUS's own spelling; Oracle writes `Usage-based`. Other values stay, and are rejected."""
    cases = " ".join(f"when '{value.lower()}' then '{value}'" for value in column.allowed)
    return f"case lower({identifier}) {cases} else {identifier} end"


def _moment(identifier: str, kind: str) -> str:
    """UTC; a time without a zone is UTC, as FOCUS prescribes."""
    if kind == "VARCHAR":
        # Words that DuckDB takes for times (epoch, infinity) do not begin with a digit.
        digits = f"case when {identifier} < ':' then {identifier} end"
        return f"try_cast({digits} as timestamptz) at time zone 'UTC'"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"{identifier} at time zone 'UTC'"
    return f"try_cast({identifier} as timestamp)"


def _tags(identifier: str, kind: str) -> str:
    """A JSON object. Without its braces (Azure) it gets them; other text is kept as `x_raw`."""
    if kind != "VARCHAR":
        return f"cast(to_json({identifier}) as varchar)"
    return (
        f"case when {identifier} is null then null "
        f"when starts_with({identifier}, '{{') and json_valid({identifier}) then {identifier} "
        f"when json_valid('{{' || {identifier} || '}}') then '{{' || {identifier} || '}}' "
        f"else cast(json_object('x_raw', {identifier}) as varchar) end"
    )


def _fault(relation: Relation) -> str:
    """The first value that is there but cannot be read."""
    cases = [
        f"when given_{index} and {column.name} is null then "
        f"'{focus_name(column.name)}: not a {'decimal number' if column.type == MONEY else TIME}'"
        for index, (column, _) in enumerate(_fallible(relation))
    ]
    return f"case {' '.join(cases)} end"
