-- List prices per provider and model with the period in which they hold, one column per token class.
{% set classes = [
    'input_uncached', 'input_cache_read', 'input_cache_write_5m', 'input_cache_write_1h', 'output'
] %}
with
changes as (
    select
        provider,
        model,
        currency,
        {{ epoch_us('valid_from') }} as valid_from_us,
        {% for class in classes -%}
        max(case when token_class = '{{ class }}' then {{ money_units('price_per_million_tokens') }} end)
            as {{ class }}{{ "," if not loop.last }}
        {% endfor %}
    from (
        select * from {{ ref('stg_lake__prices') }}
        qualify row_number() over (
            partition by provider, model, token_class, valid_from
            order by source_file desc, source_digest desc, source_line desc
        ) = 1
    ) as prices
    group by provider, model, currency, {{ epoch_us('valid_from') }}
)

select
    provider,
    model,
    currency,
    valid_from_us,
    coalesce(
        lead(valid_from_us) over (
            partition by provider, model, currency order by valid_from_us asc nulls first
        ),
        {{ forever_us() }}
    ) as valid_to_us,
    {% for class in classes -%}
    {{ last_known(class, 'partition by provider, model, currency order by valid_from_us asc nulls first') }}
        as {{ class }}{{ "," if not loop.last }}
    {% endfor %}
from changes
