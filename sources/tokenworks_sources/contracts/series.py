"""Contracts of the dated series: `prices`, `fx_rates`, and `quality_labels`."""

from tokenworks_sources.contracts.model import Column, Contract

PRICES = Contract(
    table="prices",
    grain="one price of one model × token class × size of prompt × service tier from a date on",
    description=(
        "List prices. Later rows for the same model, class and service tier end the earlier ones, "
        "those of all sizes of prompt at once."
    ),
    event_time="valid_from",
    key=(
        "price_list",
        "provider",
        "model",
        "token_class",
        "above_input_tokens",
        "service_tier",
        "valid_from",
    ),
    columns=(
        Column(
            "price_list",
            "string",
            "Public list that the price is from; null for a sheet of one's own.",
        ),
        Column("provider", "string", "Who lists the price.", required=True),
        Column("model", "string", "Model as served or as asked for.", required=True),
        Column(
            "token_class",
            "string",
            "What the price is for.",
            required=True,
            allowed=(
                "input_uncached",
                "input_cache_read",
                "input_cache_write_5m",
                "input_cache_write_1h",
                "input_audio",
                "input_audio_cache_read",
                "output",
                "output_reasoning",
                "output_audio",
            ),
        ),
        Column(
            "above_input_tokens",
            "bigint",
            "The price is for requests with more input tokens than this, cached ones included, and "
            "for all their tokens; null or 0 for requests of any size that no other row is for.",
            minimum=0,
        ),
        Column(
            "service_tier",
            "string",
            "standard, batch, priority, flex or another tier that the provider sells; null is standard.",
        ),
        Column("valid_from", "timestamp", "The price holds from here on.", "UTC", required=True),
        Column(
            "price_per_million_tokens",
            "decimal(38,12)",
            "Price of 1,000,000 tokens.",
            required=True,
            minimum=0,
        ),
        Column("currency", "string", "ISO 4217 code.", required=True),
    ),
)

FX_RATES = Contract(
    table="fx_rates",
    grain="one currency pair × date",
    description="Dated exchange rates.",
    event_time="rate_date",
    key=("base_currency", "quote_currency", "rate_date"),
    columns=(
        Column("rate_date", "date", "Date of the rate.", required=True),
        Column("base_currency", "string", "Currency that is translated.", required=True),
        Column("quote_currency", "string", "Currency it is translated into.", required=True),
        Column(
            "rate",
            "decimal(38,12)",
            "Units of the quote currency for one unit of the base currency.",
            required=True,
            minimum=0,
        ),
    ),
)

QUALITY_LABELS = Contract(
    table="quality_labels",
    grain="one judgement of one answer",
    description="Quality of an answer, by request or by prompt × model.",
    event_time="judged_at",
    key=("request_id", "prompt_fingerprint", "model", "judge", "judged_at"),
    columns=(
        Column("request_id", "string", "Request that was judged."),
        Column(
            "prompt_fingerprint", "string", "Prompt that was judged, where no request id is known."
        ),
        Column("model", "string", "Model that answered."),
        Column("judge", "string", "Who judged: a person, a model or a check.", required=True),
        Column("score", "double", "The judgement.", required=True),
        Column("scale_minimum", "double", "Worst score of the scale."),
        Column("scale_maximum", "double", "Best score of the scale."),
        Column("judged_at", "timestamp", "Time of the judgement.", "UTC", required=True),
    ),
)
