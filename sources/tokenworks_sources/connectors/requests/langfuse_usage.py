"""Langfuse's `usage_details`: which of its buckets include which, and the lake's token classes.

Langfuse means its buckets to be exclusive: `input`, `input_cached_tokens`, `input_cache_creation_5m`,
`output_reasoning`, ... side by side, with `total` as their sum. Its server and SDKs subtract where
they know the provider. What they get wrong, and what is done about it:

- Attributes of OpenTelemetry spans that the server does not know keep their name (`cache_read_tokens`,
  `prompt_details.cache_read`, `completion_details.reasoning`, `cache_read.input_tokens`, ...). There
  `input` and `output` are totals that include them, by the conventions that define those names, even
  where Langfuse computed a `total` that counts them twice. (Only a part that is larger than its total
  cannot be in it.)
- SDKs and users also send inclusive counts under Langfuse's own names. `total` tells: where it equals
  `input + output` but not the sum of the buckets, the counts are inclusive. Without a `total`, or with
  one that fits neither (Gemini's holds thoughts that are not listed), they are exclusive as meant.
- The whole cache write may stand beside its 5 minute and 1 hour parts, or without them.
- A provider's own usage object (`prompt_tokens`, `promptTokenCount`, ...) is read as such.
- A key may stand twice under two names; the larger counts.

Counts that are all 0 are unknown: SDKs write them where an answer had no usage, and no request has
none. A missing `input` is `total` without the output; a missing `output` is 0 only where `total` leaves no
room for any. Without those they are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tokenworks_sources.connectors.requests.export_fields import plain
from tokenworks_sources.connectors.requests.usage import (
    TokenClasses,
    UsageError,
    inclusive,
    of_usage_body,
    whole_tokens,
)

FIELD = "usage_details"

_READ = frozenset(
    {
        "input_cached_tokens",
        "input_cached",
        "input_cache_read",
        "input_cache_read_tokens",
        "cache_read_input_tokens",
        "cached_content_token_count",
    }
)
_READ_PARTS = frozenset({"input_cached_text_tokens", "input_cached_audio_tokens"})
_WRITE = frozenset(
    {
        "input_cache_creation",
        "input_cache_creation_tokens",
        "input_cache_write",
        "cache_creation_input_tokens",
    }
)
_WRITE_5M, _WRITE_1H = "input_cache_creation_5m", "input_cache_creation_1h"
_REASONING = frozenset({"output_reasoning", "output_reasoning_tokens", "thoughts_token_count"})

# Names that OpenTelemetry dialects give to parts of an inclusive total.
_READ_WITHIN = frozenset(
    {
        "cache_read.input_tokens",
        "cache_read_tokens",
        "details.cache_read_tokens",
        "details.cache_read_input_tokens",
        "prompt_details.cache_read",
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
    }
)
_WRITE_WITHIN = frozenset(
    {
        "cache_creation.input_tokens",
        "cache_write.input_tokens",
        "cache_write_tokens",
        "details.cache_write_tokens",
        "details.cache_creation_input_tokens",
        "prompt_details.cache_write",
    }
)
_REASONING_WITHIN = frozenset(
    {
        "reasoning.output_tokens",
        "reasoning_tokens",
        "details.reasoning_tokens",
        "completion_details.reasoning",
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
    }
)
_INPUT, _OUTPUT, _TOTAL = "input", "output", frozenset({"total", "total_tokens"})
_PROVIDERS_OWN = (
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "promptTokenCount",
    "prompt_token_count",
    "candidatesTokenCount",
    "candidates_token_count",
)
_NOT_TOKENS = ("second", "character", "minute", "image_count", "queries", "calls", "cost", "price")

_KNOWN = _READ | _READ_PARTS | _WRITE | {_WRITE_5M, _WRITE_1H} | _REASONING
_WITHIN = _READ_WITHIN | _WRITE_WITHIN | _REASONING_WITHIN


@dataclass(frozen=True, slots=True)
class _Buckets:
    """Counts by what they are; None is absent."""

    input: int | None
    other_input: int | None
    read: int | None
    write: int | None
    write_5m: int | None
    write_1h: int | None
    input_within: bool
    output: int | None
    other_output: int | None
    reasoning: int | None
    reasoning_within: bool
    total: int | None

    @property
    def any_tokens(self) -> bool:
        """Whether any count is more than 0; some SDKs write 0 where they know nothing."""
        inputs = (self.input, self.other_input, self.read, self.write, self.write_5m, self.write_1h)
        return any((*inputs, self.output, self.other_output, self.reasoning, self.total))


def token_classes(details: Mapping[str, object]) -> TokenClasses:
    """The token classes of one `usage_details`.

    Raises:
        UsageError: a count is no whole number, or the counts are impossible.
    """
    if _INPUT not in details and _OUTPUT not in details:
        own = {key: plain(value) for key, value in details.items()}
        if any(own.get(key) is not None for key in _PROVIDERS_OWN):
            return of_usage_body(own)
    buckets = _buckets(details)
    if not buckets.any_tokens:
        return TokenClasses()
    input_total, write, output_total = _chosen(
        _input_readings(buckets), _output_totals(buckets), buckets.total
    )
    if input_total is None and None not in (buckets.total, output_total):
        input_total = (buckets.total or 0) - (output_total or 0)
        if input_total < 0:
            raise UsageError(f"{FIELD}.total: less than output")
    if output_total is None and input_total is not None and buckets.total == input_total:
        output_total = 0
    return inclusive(
        input_total=input_total,
        cache_read=buckets.read,
        cache_write=write,
        cache_write_5m=buckets.write_5m,
        cache_write_1h=buckets.write_1h,
        output_total=output_total,
        reasoning=buckets.reasoning,
    )


def of_totals(input_total: object, output_total: object, total: object) -> TokenClasses:
    """The token classes of the three counts of older exports."""
    counts = {
        name: whole_tokens(plain(value), f"usage.{name}")
        for name, value in (("input", input_total), ("output", output_total), ("total", total))
    }
    return token_classes({name: count for name, count in counts.items() if count is not None})


def _buckets(details: Mapping[str, object]) -> _Buckets:
    def largest(names: Iterable[str]) -> int | None:
        counts = [
            whole_tokens(plain(details[name]), f"{FIELD}.{name}")
            for name in names
            if name in details
        ]
        return max((count for count in counts if count is not None), default=None)

    def rest(prefix: str) -> int | None:
        """Other tokens of a side: audio, images, text; a side's own total is not one."""
        counts = [
            whole_tokens(plain(value), f"{FIELD}: {prefix} bucket")
            for name, value in details.items()
            if name.startswith(f"{prefix}_")
            and name not in _KNOWN
            and not any(word in name for word in _NOT_TOKENS)
        ]
        return _sum(counts)

    parts = _sum([largest([name]) for name in sorted(_READ_PARTS)])
    read, read_within = largest(sorted(_READ)), largest(sorted(_READ_WITHIN))
    write, write_within = largest(sorted(_WRITE)), largest(sorted(_WRITE_WITHIN))
    reasoning = largest(sorted(_REASONING))
    reasoning_within = largest(sorted(_REASONING_WITHIN))
    own = any(count is not None for count in (read, write, parts)) or _WRITE_5M in details
    return _Buckets(
        input=largest([_INPUT]),
        other_input=rest(_INPUT),
        read=_first(read, read_within, parts),
        write=_first(write, write_within),
        write_5m=largest([_WRITE_5M]),
        write_1h=largest([_WRITE_1H]),
        input_within=not own and any(name in details for name in _READ_WITHIN | _WRITE_WITHIN),
        output=largest([_OUTPUT]),
        other_output=rest(_OUTPUT),
        reasoning=_first(reasoning, reasoning_within),
        reasoning_within=reasoning is None and reasoning_within is not None,
        total=largest(sorted(_TOTAL)),
    )


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _writes(buckets: _Buckets) -> list[int | None]:
    """What the whole cache write may be: its buckets side by side, or the whole and its parts."""
    parts = _sum((buckets.write_5m, buckets.write_1h))
    if parts is None or not buckets.write:
        return [_first(parts, buckets.write)]
    whole = max(buckets.write, parts)
    beside = buckets.write + parts
    return [whole, beside] if buckets.write == parts else [beside, whole]


def _input_readings(buckets: _Buckets) -> list[tuple[int | None, int | None]]:
    """What the whole input, and the cache write in it, may be; the likeliest first."""
    writes = _writes(buckets)
    base = _sum((buckets.input, buckets.other_input))
    if base is None:
        return [(None, writes[0])]
    within: list[tuple[int | None, int | None]] = []
    beside: list[tuple[int | None, int | None]] = []
    for write in writes:
        cached = (buckets.read or 0) + (write or 0)
        beside += [(base + cached, write), ((buckets.input or 0) + cached, write)]
        if (buckets.input or 0) >= cached:
            within.append((buckets.input, write))
    if buckets.input_within:
        # Langfuse's own total counts the parts again, so that it tells nothing here.
        return within or beside
    return beside + within


def _output_totals(buckets: _Buckets) -> list[int | None]:
    """What the whole output may be, the likeliest first."""
    base = _sum((buckets.output, buckets.other_output))
    if base is None:
        return [None]
    output, reasoning = buckets.output or 0, buckets.reasoning or 0
    within: list[int | None] = [output] if output >= reasoning else []
    beside: list[int | None] = [base + reasoning, output + reasoning]
    return (within or beside) if buckets.reasoning_within else beside + within


def _chosen(
    readings: list[tuple[int | None, int | None]], outputs: list[int | None], total: int | None
) -> tuple[int | None, int | None, int | None]:
    """Input, cache write and output: the likeliest that add up to the total, else the likeliest."""
    for input_total, write in readings:
        for output_total in outputs:
            if None in (input_total, output_total, total):
                continue
            if (input_total or 0) + (output_total or 0) == total:
                return input_total, write, output_total
    return *readings[0], outputs[0]
