"""Contract of `engine_histograms`: cumulative Prometheus histograms with their bounds."""

from tokenworks_sources.contracts.model import Column, Contract

CONTRACT = Contract(
    table="engine_histograms",
    grain="one histogram of one engine core at one scrape",
    description="Cumulative buckets as exported; bounds are stored per row because fleets override them.",
    event_time="scraped_at",
    key=("instance", "engine_index", "model_name", "metric", "scraped_at"),
    columns=(
        Column("scraped_at", "timestamp", "Time of the scrape.", "UTC", required=True),
        Column(
            "engine", "string", "vllm, sglang, trtllm, triton, dynamo, nim or other.", required=True
        ),
        Column(
            "instance", "string", "host:port or replica name of the scrape target.", required=True
        ),
        Column(
            "engine_index", "string", "Data-parallel engine index within the target.", required=True
        ),
        Column("model_name", "string", "Model label of the series.", required=True),
        Column(
            "metric",
            "string",
            "Canonical name without the engine's prefix, for example time_to_first_token_seconds.",
            required=True,
        ),
        Column(
            "bucket_upper_bounds",
            "list<double>",
            "Upper bounds (le) in ascending order, the last one infinite.",
            required=True,
        ),
        Column(
            "bucket_cumulative_counts",
            "list<bigint>",
            "Observations at or below each bound.",
            required=True,
        ),
        Column("observation_sum", "double", "Sum of the observations, in the metric's unit."),
        Column("observation_count", "bigint", "Number of observations.", minimum=0),
        Column("counters_created_at", "timestamp", "Start of the histogram (_created).", "UTC"),
    ),
)
