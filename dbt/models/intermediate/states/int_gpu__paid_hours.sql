-- Hours of each GPU within the observed window, whether a replica holds it or not.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
with
bounded as (
    select
        gpus.gpu_uuid,
        gpus.server_id,
        gpus.site_id,
        greatest(gpus.valid_from_us, observed.window_from_us) as from_us,
        least(gpus.valid_to_us, observed.window_to_us) as to_us
    from {{ ref('int_fleet__gpus') }} as gpus
    cross join {{ ref('int_fleet__window') }} as observed
    where observed.window_from_us is not null
),

exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from bounded
    where from_us < to_us
)

select
    gpu_uuid,
    server_id,
    site_id,
    hour_index,
    {{ clipped_to('to_us', 'hour_index') }} - {{ clipped_from('from_us', 'hour_index') }} as paid_us
from exploded
where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
