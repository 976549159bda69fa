"""SQL that reads one value of a bill: money, moment, text, tags. For DuckDB.

Belongs here: expressions over one column, whatever the format calls it. Money is cast from text or
decimal straight to decimal(38,12), rounding half away from zero behind the 12th digit. A double in
Parquet is cast through its shortest decimal text, so 0.1 is 0.1 and not 0.1000000000000000055.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenworks_sources.contracts.charges import MONEY
from tokenworks_sources.contracts.model import Column

NOT_A_NUMBER = "not a decimal number"
NOT_A_TIME = "not a time (YYYY-MM-DD hh:mm:ss, UTC)"


@dataclass(frozen=True)
class Field:
    """A column of the file as DuckDB reads it.

    Attributes:
        sql: its identifier.
        kind: its DuckDB type.
    """

    sql: str
    kind: str = "VARCHAR"


NULL = Field("cast(null as varchar)")


def money(field: Field) -> str:
    """decimal(38,12), null where it is none."""
    text = f"cast({field.sql} as varchar)" if field.kind in ("DOUBLE", "FLOAT") else field.sql
    return f"try_cast({text} as {MONEY})"


def moment(field: Field) -> str:
    """UTC; a time without a zone is UTC, as FOCUS and the clouds prescribe. Null where it is none."""
    if field.kind == "VARCHAR":
        value = field.sql
        # The cast to timestamp ignores an offset and takes a fifth of the time: it is for the usual
        # YYYY-MM-DD hh:mm:ss with nothing or a Z behind. Words that DuckDB takes for times (epoch,
        # infinity) do not begin with a digit.
        return (
            f"case when {value}[17] = ':' and {value}[20:] in ('', 'Z') "
            f"then try_cast({value} as timestamp) "
            f"when {value} < ':' then try_cast({value} as timestamptz) at time zone 'UTC' end"
        )
    if field.kind == "TIMESTAMP WITH TIME ZONE":
        return f"{field.sql} at time zone 'UTC'"
    return f"try_cast({field.sql} as timestamp)"


def text(field: Field) -> str:
    """The value as text."""
    return field.sql if field.kind == "VARCHAR" else f"cast({field.sql} as varchar)"


def enumerated(column: Column, field: Field) -> str:
    """FOCUS's own spelling; Oracle writes `Usage-based`. Other values stay, and are rejected."""
    cases = " ".join(f"when '{value.lower()}' then '{value}'" for value in column.allowed)
    return f"case lower({field.sql}) {cases} else {text(field)} end"


def tags(field: Field) -> str:
    """A JSON object. Without its braces (Azure) it gets them; other text is kept as `x_raw`.

    A list of keys and values (Google) becomes one too; of a key that comes twice the first holds, as
    Google writes what a project hands down behind the resource's own.
    """
    value = field.sql
    if field.kind != "VARCHAR":
        if _is_list_of_pairs(field.kind):
            return f"case when len({value}) > 0 then {_object_of(value)} end"
        return f"cast(to_json({value}) as varchar)"
    pairs = f"json_transform({value}, {literal(_PAIRS)})"
    return (
        f"case when {value} is null or {value} = '[]' then null "
        f"when starts_with({value}, '{{') and json_valid({value}) then {value} "
        f"when starts_with({value}, '[') and json_valid({value}) "
        f"and len(list_filter({pairs}, lambda pair: pair.key is not null)) > 0 then {_object_of(pairs)} "
        f"when json_valid('{{' || {value} || '}}') then '{{' || {value} || '}}' "
        f"else cast(json_object('x_raw', {value}) as varchar) end"
    )


_PAIRS = '[{"key": "VARCHAR", "value": "VARCHAR"}]'


def _is_list_of_pairs(kind: str) -> bool:
    words = kind.replace('"', "")
    return words.startswith("STRUCT(key ") and ", value " in words and words.endswith(")[]")


def _object_of(pairs: str) -> str:
    """A list of structs of key and value as a JSON object in text."""
    keys = f"list_transform({pairs}, lambda pair: pair.key)"
    first_of_each = (
        f"list_filter({pairs}, lambda given, place: "
        f"given.key is not null and list_position({keys}, given.key) = place)"
    )
    entries = f"list_transform({first_of_each}, lambda pair: {{k: pair.key, v: pair.value}})"
    return f"cast(to_json(map_from_entries({entries})) as varchar)"


def tag_columns(fields: Mapping[str, Field]) -> str:
    """One JSON object of the tags that have a value, from one column per tag."""
    if not fields:
        return "cast(null as varchar)"
    entries = ", ".join(
        f"{{k: {literal(name)}, v: {text(field)}}}" for name, field in sorted(fields.items())
    )
    given = f"list_filter([{entries}], lambda x: x.v is not null)"
    return (
        f"case when len({given}) > 0 then cast(to_json(map_from_entries({given})) as varchar) end"
    )


def first(*values: str) -> str:
    """The first value that is not null."""
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def literal(value: str) -> str:
    """A text constant."""
    return "'" + value.replace("'", "''") + "'"
