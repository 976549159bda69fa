"""Which vendor a provider's name means: one vendor goes by several names, and some names are no vendor.

Belongs here: every name that an emitter writes into `provider`, once. The names are

- OpenTelemetry's well-known values of `gen_ai.provider.name` (`aws.bedrock`, `gcp.vertex_ai`,
  `azure.ai.openai`, `mistral_ai`, `x_ai`, …) and of the older `gen_ai.system` (`az.ai.openai`, `gemini`);
- OpenInference's `llm.provider` (`aws`, `google`, `mistralai`, `xai`);
- LiteLLM's `custom_llm_provider` (`bedrock`, `vertex_ai`, `azure_ai`, `together_ai`, `hosted_vllm`, …),
  which is also the prefix of the models it is asked for (`bedrock/us.anthropic.claude-…`).

Vendors are called as `genai-prices` calls them. Its own matching of providers is no help: it looks for
words anywhere, so that LiteLLM's `openai_like` and `custom_openai`, which are servers of one's own, and
OTel's `azure.ai.openai` are all OpenAI to it. A name that does not stand here is taken at its word, as the
vendor of exactly that name if there is one.
"""

from __future__ import annotations

_NAMES: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic_text",),
    "aws": ("aws.bedrock", "bedrock", "bedrock_converse", "aws_bedrock", "amazon-bedrock"),
    "azure": (
        "azure.ai.openai",
        "azure.ai.inference",
        "az.ai.openai",
        "az.ai.inference",
        "azure_ai",
        "azure_text",
        "azure_openai",
    ),
    "cohere": ("cohere_chat",),
    "fireworks": ("fireworks_ai",),
    "github-copilot": ("github_copilot",),
    "google": (
        "gcp.gen_ai",
        "gcp.gemini",
        "gcp.vertex_ai",
        "gemini",
        "vertex_ai",
        "vertex_ai_beta",
        "google_ai_studio",
    ),
    "mistral": ("mistral_ai", "mistralai", "codestral", "text-completion-codestral"),
    "moonshotai": ("moonshot", "moonshot_ai"),
    "openai": ("text-completion-openai", "chatgpt"),
    "together": ("together_ai", "together-ai", "togetherai"),
    "voyageai": ("voyage",),
    "x-ai": ("x_ai", "xai"),
}
_VENDORS = {name: vendor for vendor, names in _NAMES.items() for name in names}

# Engines, servers and gateways: whoever runs them sets the price, and what they pass on is not said.
_NO_VENDOR = frozenset(
    {
        "aiohttp_openai",
        "auto_router",
        "custom",
        "custom_openai",
        "docker_model_runner",
        "dynamo",
        "hosted_vllm",
        "infinity",
        "langfuse",
        "lemonade",
        "litellm",
        "litellm_proxy",
        "llama.cpp",
        "llamafile",
        "lm_studio",
        "nim",
        "nvidia_nim",
        "ollama",
        "ollama_chat",
        "oobabooga",
        "openai_like",
        "petals",
        "sagemaker",
        "sagemaker_chat",
        "sglang",
        "tensorrt_llm",
        "tgi",
        "triton",
        "trtllm",
        "vllm",
        "xinference",
    }
)


def vendor_of(provider: str) -> str | None:
    """The vendor that a provider's name means; None where it names none.

    >>> vendor_of("gcp.vertex_ai"), vendor_of("OpenAI"), vendor_of("hosted_vllm")
    ('google', 'openai', None)
    """
    name = provider.strip().lower()
    return None if not name or name in _NO_VENDOR else _VENDORS.get(name, name)
