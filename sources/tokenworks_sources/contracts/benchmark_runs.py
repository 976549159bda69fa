"""Contract of `benchmark_runs`: what a benchmark tool printed about one run as a whole."""

from tokenworks_sources.contracts.model import Column, Contract, Rule

TOKENS, RATE = "{token}", "{token}/s"

METRICS = {
    "ttft": "Time to first token",
    "tpot": "Time per output token after the first, one value per request",
    "itl": "Time between two output tokens or chunks",
    "e2e": "Time from sending a request to its last token",
}
STATISTICS = {
    "mean": "mean",
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "p99": "99th percentile",
}


def _count(name: str, description: str) -> Column:
    return Column(name, "bigint", description, minimum=0)


def _tokens(name: str, description: str) -> Column:
    return Column(name, "bigint", description, TOKENS, minimum=0)


def _rate(name: str, description: str) -> Column:
    return Column(name, "double", description, RATE, minimum=0)


_SETUP = (
    Column("model", "string", "Model under test."),
    Column("backend", "string", "Serving engine or API under test, for example vllm."),
    Column("hardware", "string", "Accelerator, as the tool names it."),
    Column("precision", "string", "Number format of the weights, for example fp8."),
    Column("deployment_key", "string", "Id of the deployment, resolved through the fleet."),
    Column("tensor_parallel", "bigint", "GPUs that share one replica.", minimum=1),
    Column("expert_parallel", "bigint", "GPUs that share the experts of one replica.", minimum=1),
    Column("concurrency", "bigint", "Most requests in flight, as asked for.", minimum=1),
    Column(
        "request_rate_per_second",
        "double",
        "Requests per second, as asked for; null where all were sent at once.",
        "1/s",
        minimum=0,
    ),
    Column(
        "input_length_tokens",
        "double",
        "Input tokens per request, as asked for.",
        TOKENS,
        minimum=0,
    ),
    Column(
        "output_length_tokens",
        "double",
        "Output tokens per request, as asked for.",
        TOKENS,
        minimum=0,
    ),
)

_RESULT = (
    _count("requests_total", "Requests that were sent."),
    _count("requests_succeeded", "Requests that the tool counts as completed."),
    _count("requests_failed", "Requests that the tool counts as failed."),
    Column("duration_seconds", "double", "Length of the measured part of the run.", "s", minimum=0),
    _tokens("input_tokens", "Input tokens, as the tool counts them."),
    _tokens("output_tokens", "Output tokens, as the tool counts them."),
    Column("requests_per_second", "double", "Completed requests per second.", "1/s", minimum=0),
    _rate("input_tokens_per_second", "Input tokens per second."),
    _rate("output_tokens_per_second", "Output tokens per second."),
    _rate("tokens_per_second", "Input and output tokens per second."),
    _rate("tokens_per_second_per_gpu", "Input and output tokens per second and GPU."),
    _rate("input_tokens_per_second_per_gpu", "Input tokens per second and GPU."),
    _rate("output_tokens_per_second_per_gpu", "Output tokens per second and GPU."),
)

CONTRACT = Contract(
    table="benchmark_runs",
    grain="one run of one benchmark tool",
    description="Summaries that benchmark tools print: an oracle for what is computed from requests, and a source for calibration. A figure that the tool does not print is null; its percentiles follow its own definitions.",
    event_time="started_at",
    key=("tool", "run_id"),
    columns=(
        Column("tool", "string", "Program that wrote the summary, e.g. aiperf.", required=True),
        Column(
            "run_id",
            "string",
            "Id of the run; made from the digest of the file where the tool gives none.",
            required=True,
        ),
        Column("started_at", "timestamp", "Begin of the measured part.", "UTC", required=True),
        Column("ended_at", "timestamp", "End of the measured part.", "UTC"),
        Column(
            "clock",
            "string",
            "utc: the tool's wall clock; relative: placed on an anchor that a sidecar names.",
            required=True,
            allowed=("utc", "relative"),
        ),
        *_SETUP,
        *_RESULT,
        *(
            Column(
                f"{metric}_{statistic}_seconds",
                "double",
                f"{meaning}: {words}, as the tool reports it.",
                "s",
                minimum=0,
            )
            for metric, meaning in METRICS.items()
            for statistic, words in STATISTICS.items()
        ),
    ),
    rules=(
        Rule(
            "coalesce(requests_succeeded, 0) + coalesce(requests_failed, 0) > requests_total",
            "requests_total: less than succeeded + failed",
        ),
    ),
)
