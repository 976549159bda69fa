"""Answers of model providers as proxies, SDK loggers and batch jobs dump them, with their usage.

One answer a record (JSONL, an array, one object): Chat, Responses, Anthropic Messages, Gemini and its
Interactions, Bedrock Converse, Cohere; bare, or inside an envelope (`response`, `response.body`, `body`, `message`, `result`)
that may hold the `request`, a time, a duration and a status code; and the entries of Bedrock's model
invocation log (`bedrock_log.py`).

What the emitters get wrong, and what is done about it:

- Each counts tokens in its own way: `usage.py` knows them.
- The time is the envelope's where it has one. Else it is the answer's own `created`, which OpenAI sets
  when it takes up the request, in whole seconds. Anthropic's answers hold none: bare ones are
  rejected. A time without a zone is rejected; epochs tell their unit by their size.
- Vertex's batches tell only when a request was processed: that is its time.
- An answer that says nothing about its provider leaves it unknown: Bedrock and Vertex give the same
  bodies as Anthropic and Google.
- Events of Anthropic's streams count a part each, and nothing says which belong together: rejected.
- Chunks of a stream without usage are skipped, and so are entries of an agent's session log that are
  no answer. A streamed answer that such a log repeats keeps its id, and so counts once.

Never read: messages, choices, content, candidates, output, instructions, errors' messages. Users enter
the lake as keyed pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json import records as json_records
from tokenworks_sources.connectors.requests import answers, bedrock_log, json_fields
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.contracts.requests import CONTRACT

# Keys of other formats that hold such answers, and have a connector of their own.
FOREIGN = frozenset(
    (
        "call_type", "resourceSpans", "usageDetails", "usage_details", "traceId", "observations",
        "request_created_at", "standard_logging_object", "spanId", "span_id", "attributes",
    )
)  # fmt: skip
# The keys of a line of OpenAI's batches, which may begin with one that failed.
BATCH = frozenset(("custom_id", "response", "error"))


@dataclass(frozen=True)
class UsageBodies:
    """See the module's docstring."""

    name: str = "usage_bodies"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "7"
    summary: str = "answers of model providers with their usage, as proxies and SDKs dump them"

    def recognise(self, preview: Preview) -> str | None:
        """An answer of a provider, bare or in an envelope, that no other format wraps."""
        record = json_records.first_record(preview)
        if record is None or FOREIGN & record.keys():
            return None
        if bedrock_log.is_entry(record):
            return "an entry of Bedrock's log of model invocations"
        if record.keys() >= BATCH:
            return "a result of OpenAI's batches"
        body = answers.answer_of(record)
        if kind := answers.kind_of(body):
            return f"an answer of a model provider: {kind}"
        is_answer = answers.usage_of(body) is not None and "model" in body
        return "a model, a time and usage" if is_answer and _is_timed(record, body) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        rows = Rows(sink, CONTRACT.table)
        for number, given in json_records.records_of(file.path):
            if isinstance(given, str):
                sink.reject(number, given, b"")
                continue
            is_logged = bedrock_log.is_entry(given)
            record = bedrock_log.as_answer(given) if is_logged else given
            more = bedrock_log.columns_of(given) if is_logged else {}
            body = answers.answer_of(record)
            if reason := answers.nothing_in(record, body):
                sink.skip(reason, 1)
                continue
            raw = json_fields.as_raw(json_fields.numbers_of(answers.usage_of(body) or {}))
            try:
                row = answers.row_of(record, body, sink.pseudonym_key) | more
            except (FieldError, UsageError) as error:
                sink.reject(number, str(error), raw)
                continue
            row.setdefault("request_id", f"{file.digest[:16]}-{number}")
            rows.add(number, raw, row)
        rows.close()


CONNECTOR = UsageBodies()


def _is_timed(record: json_records.Record, body: json_records.Record) -> bool:
    try:
        return answers.first_time(record, body, answers.STARTS) is not None
    except FieldError:
        return False
