"""The SQL of the LiteLLM connector: from text columns to the columns of `requests`.

Belongs here: which field becomes which column, and why a record is rejected. How a file becomes text
columns belongs to `litellm.py`. Everything is read as text, because DuckDB's typed readers turn 12.7
into 13 and make a value of the wrong type null without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from datetime import date
from typing import Literal

from tokenworks_sources.connectors.requests import litellm_metadata
from tokenworks_sources.connectors.requests.litellm_fields import (
    COUNTS,
    FIELDS,
    JSON_FIELDS,
    OPERATIONS,
    TEXTS,
)
from tokenworks_sources.connectors.requests.litellm_metadata import EVERYWHERE
from tokenworks_sources.contracts.enforce import sql_violation
from tokenworks_sources.contracts.render import DUCKDB_TYPES
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.pseudonyms import pseudonym_of

# Tables of what was met, and what each name becomes.
KNOWN_NAMES = "tokenworks_known_names"
KNOWN_HOSTS = "tokenworks_known_hosts"
# Where a record comes from: line among all that are read together, line of its file, file, and the
# digest of the file for requests without an id.
PLACE = ("_line", "source_line", "_file", "_digest")
DOUBTFUL = "metadata: not read whole"

# What `metadata` is: an object that DuckDB read as such, JSON of any kind, text that is read as the
# object that it most likely holds, or text that may be JSON. Reading the object is the fastest, but JSON
# inside a string would be lost without a word: what is doubtful is read again as one of the others. Of
# columns that a kernel took nothing is doubtful, and counts and times are none but typed.
Form = Literal["object", "json", "cell", "text", "columns"]
OBJECTS: tuple[Form, ...] = ("object", "cell")


def request_rows(source: str, form: Form, found: Collection[str] = EVERYWHERE) -> str:
    """SQL of all records with the contract's columns, and `_reason` where a record is rejected.

    Args:
        source: SQL relation with the columns FIELDS and PLACE.
        form: what the column `metadata` is.
        found: the places of metadata that are read; others are watched. All where it is no object.
    """
    found = found if form in (*OBJECTS, "columns") else EVERYWHERE
    columns = ", ".join(
        f"{_column(column.name)}::{DUCKDB_TYPES[column.type]} as {column.name}"
        for column in CONTRACT.columns
    )
    # Few values are null and given: a test that fails at once comes first.
    complaints = " ".join(
        f"when {typed} is null and {_given(value)} then '{reason}'"
        for value, typed, reason in _checks(form, found)
    )
    doubt = f"when {litellm_metadata.doubtful(found)} then '{DOUBTFUL}'" if form in OBJECTS else ""
    if form == "cell":
        doubt = f"when metadata is not null and _m is null then '{DOUBTFUL}' {doubt}"
    return (
        f"select * exclude (_reason), coalesce(_reason, {sql_violation(CONTRACT)}) as _reason from ("
        f"select {', '.join(PLACE)}, {columns}, case when {tells_nothing(form)} then '{NOTHING}' {doubt} {complaints} end as _reason "
        f"from ({_typed(source, form, found)}) {_KNOWN})"
    )


def good(rows: str) -> str:
    """The rows of `request_rows` that are written."""
    return f"select * exclude (_reason) from ({rows}) where _reason is null"


_START = re.compile(rb'"startTime"\s*:\s*"(\d{4}-\d{2}-\d{2})')


def day_of(record: bytes) -> date | None:
    """The day on which a record says that it begins, if it does: a hint, no more."""
    found = _START.search(record)
    try:
        return date.fromisoformat(found[1].decode()) if found else None
    except ValueError:
        return None


def fields(form: Form) -> str:
    """The columns to select from a scan; an empty text is no value, and no cast makes one of it."""
    if form == "columns":
        return ", ".join(f'"{name}"' for name in FIELDS)
    texts = [name for name in FIELDS if form != "object" or name != "metadata"]
    columns = ", ".join(
        f'"{name}"' if name in _CAST else f'nullif("{name}"::varchar, \'\') as "{name}"'
        for name in texts
    )
    return f"{columns}, metadata" if form == "object" else columns


def json_columns(form: Form, found: Collection[str] = EVERYWHERE) -> dict[str, str]:
    """The columns that DuckDB reads from JSON, with their types."""
    kinds = {name: "JSON" if name in JSON_FIELDS else "VARCHAR" for name in FIELDS}
    shape = litellm_metadata.tree(found)
    return {**kinds, "metadata": litellm_metadata.struct(shape)} if form == "object" else kinds


def _typed(source: str, form: Form, found: Collection[str]) -> str:
    """The text columns, the values inside metadata, and the typed ones."""
    inner = ", ".join(
        [
            *(f"{_whole(f'_m.{place}', form)} as {_name(place)}" for place in _counts(found)),
            *(f"{_first(name, found)} as {name}" for name in TEXTS),
        ]
    )
    expressions = _TYPED | (_TAKEN if form == "columns" else {})
    typed = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
    largest = ", ".join(f"{_largest(name, found)} as {name}" for name in COUNTS)
    metadata, inside = "metadata", "metadata"
    if form == "cell":
        metadata, inside = litellm_metadata.from_text("metadata", found), "_metadata"
    elif form not in ("object", "columns"):
        metadata, inside = (
            f"{_decoded('metadata')} as _found, {_with_usage('_found')}",
            f"json_transform(_metadata, '{json.dumps(litellm_metadata.tree())}')",
        )
    return (
        f"select *, {largest}, {typed} from (select *, {inner} from ("
        f"select *, {inside} as _m from ("
        f"select *, {metadata} as _metadata, {_decoded('request_tags')} as _tags "
        f"from (select *, {str(form not in ('cell', 'text')).lower()} as _is_json from ({source})))))"
    )


def _counts(found: Collection[str]) -> list[str]:
    return litellm_metadata.only((place for places in COUNTS.values() for place in places), found)


def _first(name: str, found: Collection[str]) -> str:
    places = litellm_metadata.only(TEXTS[name], found)
    return (
        f"coalesce({', '.join(f'_m.{place}::varchar' for place in places)})"
        if places
        else "null::varchar"
    )


def _largest(name: str, found: Collection[str]) -> str:
    places = litellm_metadata.only(COUNTS[name], found)
    return f"greatest({', '.join(map(_name, places))})" if places else "null::bigint"


def _checks(form: Form, found: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """What is given, what it became, and what is wrong where that is nothing."""
    for value, typed, reason in _FIELD_CHECKS:
        if form != "columns" or typed not in _TAKEN:
            yield value, typed, reason
    if form != "columns":
        yield from _count_checks(found)
    yield from _INNER_CHECKS


def _count_checks(found: Collection[str]) -> Iterator[tuple[str, str, str]]:
    for place in _counts(found):
        yield f"_m.{place}", _name(place), f"metadata.{place}: {_NO_COUNT}"


def _given(value: str) -> str:
    return f"{value} <> ''" if value.strip('"') in _CAST else f"{value} is not null"


def tells_nothing(form: Form = "text") -> str:
    """Whether a record has none of the fields TELLING."""
    if form == "columns":
        return " and ".join(f'"{name}" is null' for name in TELLING)
    return " and ".join(f"nullif(\"{name}\", '') is null" for name in TELLING)


def _pseudonym(name: str, known: str) -> str:
    """The pseudonym that was looked up, else one that is made for the row."""
    return f"coalesce({known}.meaning, {pseudonym_of(name)})"


def _name(place: str) -> str:
    return "_" + place.replace(".", "_")


def _decoded(field: str) -> str:
    """The JSON of a field that some exports hold as a JSON string; null where it is not JSON."""
    inner = f"({field} ->> '$')"
    return (
        f"case when not _is_json and not json_valid({field}) then null "
        f"when left({field}, 1) <> '\"' then {field} when json_valid({inner}) then {inner} end"
    )


def _with_usage(metadata: str) -> str:
    """Metadata with a `usage_object` that was JSON inside a string as an object."""
    usage = f"({metadata} ->> '$.usage_object')"
    return (
        f"case when json_type({metadata}, '$.usage_object') = 'VARCHAR' and json_valid({usage}) "
        f"then json_merge_patch({metadata}, json_object('usage_object', {usage}::json))::varchar "
        f"else {metadata} end"
    )


def _whole(text: str, form: Form) -> str:
    return text if form == "columns" else _integer(text)


def _integer(text: str) -> str:
    """A whole number of a size that counts have, or null; the cast alone would round 12.7 to 13."""
    number = f"try_cast({text} as bigint)"
    return (
        f"case when {number} = try_cast({text} as double) "
        f"and {number} between -{_MOST} and {_MOST} then {number} end"
    )


def _instant(field: str) -> str:
    """UTC; the cast to TIMESTAMP would drop an offset, this one applies it (session zone UTC)."""
    # Most say Z: those need no zone, which costs three times as much.
    return (
        f'case when ends_with("{field}", \'Z\') then try_cast("{field}" as timestamp) '
        f"else timezone('UTC', try_cast(\"{field}\" as timestamptz)) end"
    )


# Three counts add up to less than 2^63.
_MOST = 10**15
_NO_COUNT = "not a whole number below 10^15"
# Fields that are nothing but cast.
_CAST = (
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "spend",
    "request_duration_ms",
)

_TYPED = {
    "_input": _integer("prompt_tokens"),
    "_output": _integer("completion_tokens"),
    "_started": _instant("startTime"),
    "_ended": _instant("endTime"),
    "_first": _instant("completionStartTime"),
    # Sums below a million fit the narrow type, which is read four times as fast.
    "_spend": "coalesce(try_cast(spend as decimal(18, 12)), try_cast(spend as decimal(38, 12)))",
    "_duration": "try_cast(request_duration_ms as double)",
    "_blocks": (
        "case when not regexp_matches(block_hashes, '[^-0-9, \\[\\]]') "
        "then try_cast(block_hashes as bigint[]) end"
    ),
    "_queue": "try_cast(queue as double)",
    "_prefill": "try_cast(prefill as double)",
    "_decode": "try_cast(decode as double)",
    "_propensity": "try_cast(propensity as double)",
    "_score": "try_cast(score as double)",
    "_status": "coalesce(status, own_status)",
    "_stream": "try_cast(stream as boolean)",
}

# Those that a kernel makes.
_TAKEN = {
    "_input": "prompt_tokens",
    "_output": "completion_tokens",
    "_started": '"startTime"',
    "_ended": '"endTime"',
    "_first": '"completionStartTime"',
}

_FIELD_CHECKS = (
    ("prompt_tokens", "_input", f"prompt_tokens: {_NO_COUNT}"),
    ("completion_tokens", "_output", f"completion_tokens: {_NO_COUNT}"),
    ('"startTime"', "_started", "startTime: not a timestamp"),
    ('"endTime"', "_ended", "endTime: not a timestamp"),
    ('"completionStartTime"', "_first", "completionStartTime: not a timestamp"),
    ("spend", "_spend", "spend: not a number"),
    ("request_duration_ms", "_duration", "request_duration_ms: not a number"),
)
_INNER_CHECKS = (
    ("metadata", "_metadata", "metadata: not JSON"),
    ("request_tags", "_tags", "request_tags: not JSON"),
    ("block_hashes", "_blocks", "prefix_block_hashes: not a list of whole numbers below 2^63"),
    ("queue", "_queue", "queue_seconds: not a number"),
    ("prefill", "_prefill", "prefill_seconds: not a number"),
    ("decode", "_decode", "decode_seconds: not a number"),
    ("propensity", "_propensity", "routing_propensity: not a number"),
    ("score", "_score", "quality_score: not a number"),
)

# A record without any of these is none; so is a line that is not JSON.
TELLING = ("request_id", "startTime", "model", "prompt_tokens")
NOTHING = "not a JSON object with the fields of a spend log"

# Some adapters fill the total alone, some the details alone and leave 0 in the other.
_WRITTEN = (
    "greatest(cache_write, case when coalesce(cache_write_5m, cache_write_1h) is not null "
    "then coalesce(cache_write_5m, 0) + coalesce(cache_write_1h, 0) end)"
)

# Host and port alone: a name before them or a query behind them may hold a key.
# As a lambda it is made only where it is asked for; its parts are otherwise made for every record.
HOST = (
    "list_transform([api_base], lambda a: nullif(split_part(split_part(split_part("
    "case when contains(a, '?') or contains(a, '#') then regexp_extract(a, '^[^?#]+') else a end, "
    "'://', -1), '/', 1), '@', -1), ''))[1]"
)

_COLUMNS = {
    "request_id": "coalesce(request_id, left(_digest, 16) || '-' || source_line)",
    "emitter": "'litellm'",
    "logical_request_id": "trace",
    "trace_id": "trace",
    "session_id": "session_id",
    "started_at": "_started",
    # Without a stream LiteLLM writes the end of the request here.
    "first_token_at": "case when _first < _ended or _stream then _first end",
    "ended_at": "_ended",
    "clock": "'utc'",
    "queue_seconds": "_queue",
    "prefill_seconds": "_prefill",
    "decode_seconds": "_decode",
    "e2e_seconds": "_duration / 1000",
    "operation": (
        "case call_type "
        + " ".join(f"when '{call}' then '{name}'" for call, name in OPERATIONS.items())
        + " else call_type end"
    ),
    "model_requested": "coalesce(model_group, model)",
    "model_served": "model",
    "provider": "custom_llm_provider",
    "deployment_key": "model_id",
    "endpoint": f"coalesce(known_host.meaning, {HOST})",
    "tenant_id": "coalesce(organization_id, team_id)",
    "team_id": "team_id",
    "user_pseudonym": _pseudonym('coalesce(end_user, "user")', "known_user"),
    "api_key_pseudonym": _pseudonym("api_key", "known_key"),
    "tags": "case when _tags not in ('[]', '{}', 'null') then _tags end",
    "input_total_tokens": (
        "case when usage_prompt is null and usage_cache is not null and usage_part is null "
        "and try_cast(usage_input as bigint) = _input "
        f"then _input + coalesce(cache_read, 0) + coalesce({_WRITTEN}, 0) else _input end"
    ),
    "input_cache_read_tokens": "cache_read",
    "input_cache_write_tokens": _WRITTEN,
    "input_cache_write_5m_tokens": "cache_write_5m",
    "input_cache_write_1h_tokens": "cache_write_1h",
    "output_total_tokens": "_output",
    "output_reasoning_tokens": "reasoning",
    "is_streaming": "coalesce(_stream, case when _first < _ended then true end)",
    # A client that leaves ends as asyncio's CancelledError, logged as a failure.
    "status": (
        # Most are in small letters, and tested as they are.
        "case when _status = 'success' then 'success' "
        "when lower(_status) = 'failure' and error = 'CancelledError' then 'cancelled' "
        "when lower(_status) in ('success', 'failure', 'cancelled') then lower(_status) "
        "else 'unknown' end"
    ),
    "error_type": "error",
    "is_gateway_cache_hit": (
        "case when cache_hit = 'False' then false when lower(cache_hit) = 'true' then true "
        "when lower(cache_hit) = 'false' then false end"
    ),
    "reported_cost_usd": "_spend",
    "prompt_fingerprint": "fingerprint",
    "prefix_block_hashes": "_blocks",
    "prefix_block_tokens": "block_tokens",
    "routing_propensity": "_propensity",
    "quality_score": "_score",
}

_KNOWN = (
    f'left join {KNOWN_NAMES} as known_user on known_user.name = coalesce(end_user, "user") '
    f"left join {KNOWN_NAMES} as known_key on known_key.name = api_key "
    f"left join {KNOWN_HOSTS} as known_host on known_host.name = api_base"
)


def _column(name: str) -> str:
    return _COLUMNS.get(name, "null")
