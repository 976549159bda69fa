"""Which spans are inference, and which only frame or repeat it.

Pure. Agents, workflows, chains and tools report the usage of the calls inside them again, so only
spans of a call itself count. A call inside a call (a gateway's span over the SDK's, a framework's model
wrapper over the HTTP client's) stays: both become rows that name each other through `parent_span_id`,
and the warehouse counts the innermost.

- The AI SDK's `ai.generateText` sums its `.doGenerate` steps; the steps are the calls.
- OpenInference, Langfuse and OpenLLMetry say the kind in an attribute of their own.
- `gen_ai.operation.name` of the conventions comes next. Operations that no table knows are inference
  where the span has tokens or a response id.
- Without one: Pydantic AI's `agent run` repeats usage under the calls' own names; vLLM's `llm_request`
  and OpenLLMetry's older spans are calls. LiteLLM's `raw_gen_ai_request` holds the provider's request
  and answer again, below the call.
"""

from __future__ import annotations

from tokenworks_sources.connectors.requests.genai_attributes import Fields

NOT_GENAI = "not a GenAI span"
LITELLM_RAW = "raw_gen_ai_request"

_VERCEL_STEPS = (".doGenerate", ".doStream", ".doEmbed")
_WRAPPER_NAMES = ("agent run", "invoke_agent", "execute_tool", "create_agent", "running tool")
_INFERENCE_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
_WRAPPER_OPERATIONS = frozenset(
    {
        "create_agent",
        "execute_tool",
        "invoke_agent",
        "invoke_workflow",
        "plan",
        "rerank",
        "retrieval",
        "workflow",
    }
)
# Attribute of a dialect to what it calls inference.
_DECLARED = {
    "openinference_kind": frozenset({"llm", "embedding"}),
    "langfuse_type": frozenset({"generation", "embedding"}),
    "traceloop_kind": frozenset({"llm", "embedding"}),
}
_WRAPPER_KINDS = frozenset(
    {
        "agent",
        "chain",
        "evaluator",
        "event",
        "guardrail",
        "reranker",
        "retriever",
        "span",
        "task",
        "tool",
        "workflow",
    }
)


def skip_reason(name: str, fields: Fields) -> str | None:
    """Why a span is no inference of its own; None where it is one."""
    if name == LITELLM_RAW:
        return "wrapper span: the request below a call, once more"
    declared = _declared(fields)
    if declared is not None:
        return declared or None
    operation = fields.get("operation")
    if isinstance(operation, str):
        if operation in _WRAPPER_OPERATIONS:
            return f"wrapper span: {operation}"
        is_known = operation in _INFERENCE_OPERATIONS
        return None if is_known or _answers(fields) else "wrapper span: another operation"
    if name.startswith(_WRAPPER_NAMES) or _is_agent(fields):
        return "wrapper span: agent"
    return None if _answers(fields) or _asks(fields) else NOT_GENAI


def _declared(fields: Fields) -> str | None:
    """Reason by a dialect's own attribute; empty for inference, None where there is none."""
    step = fields.get("vercel_operation")
    if isinstance(step, str):
        return "" if step.endswith(_VERCEL_STEPS) else "wrapper span: sum of AI SDK steps"
    for attribute, inference in _DECLARED.items():
        kind = fields.get(attribute)
        if isinstance(kind, str):
            kind = kind.lower()
            if kind in inference:
                return ""
            return f"wrapper span: {kind if kind in _WRAPPER_KINDS else 'another kind'}"
    if fields.get("traceloop_request") == "rerank":
        return "wrapper span: rerank"
    return "" if "traceloop_request" in fields and _answers(fields) else None


def _is_agent(fields: Fields) -> bool:
    return "agent_name" in fields and "response_id" not in fields


def _answers(fields: Fields) -> bool:
    return "input_tokens" in fields or "output_tokens" in fields or "response_id" in fields


def _asks(fields: Fields) -> bool:
    """A call that failed has no tokens, but a provider and a model; an engine has latencies."""
    return ("model_requested" in fields and "provider" in fields) or "e2e_seconds" in fields
