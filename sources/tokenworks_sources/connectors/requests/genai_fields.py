"""Values of GenAI attributes as the lake holds them.

Pure. Belongs here: what one attribute's value becomes, whatever type the emitter gave it. Emitters
write numbers as text, lists as JSON text (LiteLLM's finish reasons) and nothing as `None` or "".
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

import msgspec

from tokenworks_sources.connectors.requests.genai_attributes import Fields
from tokenworks_sources.connectors.requests.litellm_fields import OPERATIONS
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.requests.values import host_of, money_of
from tokenworks_sources.normalise import MISSING_TEXTS

LONGEST_TEXT = 512
LONGEST_WORD = 128
_LONGEST_MISSING = max(map(len, MISSING_TEXTS))
_PARTS_OF_URL = frozenset("/@?#")
_COST_LIMIT = Decimal(10) ** 15
_VERCEL_PROVIDER_ENDS = (
    ".chat",
    ".completion",
    ".embedding",
    ".generative-ai",
    ".messages",
    ".responses",
    ".textEmbedding",
)
_OPENLLMETRY_REQUESTS = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
}


def text(value: object) -> str | None:
    """A name or id; None where it is empty, stands for nothing, or is too long to be one."""
    if type(value) is not str:
        if type(value) is not int:
            return None
        value = str(value)
    length = len(value)
    if length > LONGEST_TEXT or (length <= _LONGEST_MISSING and value.lower() in MISSING_TEXTS):
        return None
    return value


def word(value: object, otherwise: str | None = None) -> str | None:
    """A member of an enumeration; `otherwise` where it reads like a sentence."""
    found = text(value)
    if found is None:
        return otherwise if isinstance(value, str) and len(value) > LONGEST_TEXT else None
    if len(found) > LONGEST_WORD or len(found.split()) != 1:
        return otherwise
    return found


def seconds(fields: Fields, field: str) -> float | None:
    """A duration.

    Raises:
        UsageError: it is no finite number, or negative.
    """
    found = figure(fields, field)
    if found is not None and found < 0:
        raise UsageError(f"{field}: below 0")
    return found


def figure(fields: Fields, field: str) -> float | None:
    """A number.

    Raises:
        UsageError: it is none, or not finite.
    """
    value = fields.get(field)
    if value is None:
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            found = math.nan
        if math.isfinite(found):
            return found
    raise UsageError(f"{field}: not a number")


def is_true(value: object) -> bool | None:
    """A truth value, or its text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return None


def operation(fields: Fields) -> str | None:
    """gen_ai.operation.name, or what the dialect says instead."""
    found = word(fields.get("operation"))
    if found is not None:
        return OPERATIONS.get(found, found)
    step = fields.get("vercel_operation")
    if isinstance(step, str):
        return "embeddings" if step.endswith(".doEmbed") else "chat"
    kind = fields.get("openinference_kind") or fields.get("langfuse_type")
    if isinstance(kind, str) and kind.lower() == "embedding":
        return "embeddings"
    request = fields.get("traceloop_request")
    return _OPENLLMETRY_REQUESTS.get(request) if isinstance(request, str) else None


def provider(value: object) -> str | None:
    """gen_ai.provider.name; the AI SDK writes the kind of its client behind it."""
    found = word(value)
    if found is None:
        return None
    for end in _VERCEL_PROVIDER_ENDS:
        if found.endswith(end):
            return found[: -len(end)]
    return found


def finish_reason(value: object) -> str | None:
    """Why the answer ended; several choices that end alike count once."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    if isinstance(value, list):
        reasons = [reason for reason in map(word, value) if reason is not None]
        return ",".join(dict.fromkeys(reasons)) or None
    return word(value)


def address(fields: Fields, is_server: bool) -> str | None:
    """host[:port] of what served the call; the peer of a server is its client."""
    found = host(fields.get("server_address"))
    if found is None and not is_server:
        found = host(fields.get("peer_name"))
    if found is None:
        return None
    port = text(fields.get("server_port"))
    return f"{found}:{port}" if port and port.isdigit() and ":" not in found else found


def host(value: object) -> str | None:
    """host[:port] of an address or URL; a name before it or a query behind it may hold a key."""
    found = word(value)
    if found is None or not _PARTS_OF_URL & set(found):
        return found
    return host_of(found)


def cost(fields: Fields) -> Decimal | None:
    """Reported cost in USD; unknown where the span names another currency."""
    if fields.get("cost_currency", "USD") != "USD":
        return None
    return money(fields.get("cost"))


def money(value: object) -> Decimal | None:
    """An amount as it is written, to 12 places.

    Raises:
        UsageError: it is no number.
    """
    if value is None:
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and abs(amount) < _COST_LIMIT:
            return money_of(amount, "cost")
    raise UsageError("cost: not an amount")


def hidden(value: object) -> tuple[str | None, str | None, Decimal | None]:
    """Deployment, endpoint and cost of LiteLLM's `hidden_params`, JSON in a text."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None, None, None
    if not isinstance(value, dict):
        return None, None, None
    amount = value.get("response_cost")
    return (
        text(value.get("model_id")),
        host(value.get("api_base")),
        None if amount in ("", "None") else money(amount),
    )
