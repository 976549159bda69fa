"""Why requests are left out of a replay, in words, and what to do about each reason.

Which rows a reason applies to belongs to `traffic`.
"""

from __future__ import annotations

from collections.abc import Mapping

_STATUS = "status_"
_REASONS: dict[str, tuple[str, str]] = {
    "outside_window": (
        "arrived outside the scenario's window",
        "Widen `window` in the scenario.",
    ),
    "answered_by_gateway_cache": (
        "were answered by the gateway's cache",
        "Replay a log of requests that reached an engine.",
    ),
    "status_unknown": (
        "have no recorded outcome",
        (
            "The log has no outcomes: log whether a request succeeded, or map it to `status` "
            "(docs/mapping.md)."
        ),
    ),
    "deployment_unknown": (
        "belong to no known deployment",
        (
            "Describe their endpoint or key under `deployments` in fleet.yaml (docs/fleet.md) and "
            "build again."
        ),
    ),
    "deployment_not_in_fleet": (
        "ran on a deployment that fleet.yaml does not have",
        "Add that deployment to fleet.yaml (docs/fleet.md) and build again.",
    ),
    "tokens_unknown": (
        "lack a count of input or output tokens",
        "Log both token counts.",
    ),
    "times_unknown": (
        "lack a start or an end",
        "Log when requests start and how long they take.",
    ),
}
_NO_ROWS = "Ingest a request log and run `tokenworks build`."
_ENDED_EARLY = "Replay a log or a time in which requests succeeded."


def in_words(excluded: Mapping[str, int]) -> str:
    """What was left out, the most frequent reason first."""
    listed = [f"{count:,} {_reason(code)[0]}" for code, count in _sorted(excluded)]
    return "; ".join(listed) or "there is none"


def advice(excluded: Mapping[str, int]) -> str:
    """What to do, the most frequent reason first, each advice once."""
    said = dict.fromkeys(_reason(code)[1] for code, _ in _sorted(excluded))
    return " ".join(said) or _NO_ROWS


def _sorted(excluded: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(excluded.items(), key=lambda item: (-item[1], item[0]))


def _reason(code: str) -> tuple[str, str]:
    if code in _REASONS:
        return _REASONS[code]
    return f"ended as {code.removeprefix(_STATUS)} before their first token", _ENDED_EARLY
