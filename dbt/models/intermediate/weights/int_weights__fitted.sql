-- Least squares through the origin: GPU milliseconds while busy per hour on computed, cached and output
-- tokens, none of them below 0. The normal equations are whole numbers; only their solution is a double,
-- computed row by row, so it is the same on any number of threads. Columns are scaled by their size, so that
-- the determinant says how far apart the classes can be told.
with
windows as (
    select * from {{ ref('int_weights__windows') }}
),

scaled as (
    select
        *,
        sqrt(cast(uu as double)) as u,
        sqrt(cast(cc as double)) as c,
        sqrt(cast(oo as double)) as o,
        uc / nullif(sqrt(cast(uu as double)) * sqrt(cast(cc as double)), 0e0) as r_uc,
        uo / nullif(sqrt(cast(uu as double)) * sqrt(cast(oo as double)), 0e0) as r_uo,
        co / nullif(sqrt(cast(cc as double)) * sqrt(cast(oo as double)), 0e0) as r_co,
        uy / nullif(sqrt(cast(uu as double)), 0e0) as q_u,
        cy / nullif(sqrt(cast(cc as double)), 0e0) as q_c,
        oy / nullif(sqrt(cast(oo as double)), 0e0) as q_o
    from windows
),

determined as (
    select
        *,
        1e0 - r_uo * r_uo as found_2,
        1e0 + 2e0 * r_uc * r_uo * r_co - r_uc * r_uc - r_uo * r_uo - r_co * r_co as found_3
    from scaled
),

-- Below this the classes move together, and rounding would tell them apart rather than the data.
usable as (
    select
        *,
        case when found_2 >= 0.0001e0 then found_2 end as det_2,
        case when found_3 >= 0.0001e0 then found_3 end as det_3
    from determined
),

solved as (
    select
        *,
        (q_u - r_uo * q_o) / det_2 as z2_u,
        (q_o - r_uo * q_u) / det_2 as z2_o,
        (
            q_u * (1e0 - r_co * r_co) + q_c * (r_uo * r_co - r_uc) + q_o * (r_uc * r_co - r_uo)
        ) / det_3 as z3_u,
        (
            q_u * (r_uo * r_co - r_uc) + q_c * (1e0 - r_uo * r_uo) + q_o * (r_uc * r_uo - r_co)
        ) / det_3 as z3_c,
        (
            q_u * (r_uc * r_co - r_uo) + q_c * (r_uc * r_uo - r_co) + q_o * (1e0 - r_uc * r_uc)
        ) / det_3 as z3_o
    from usable
),

chosen as (
    select
        *,
        -- What cached tokens cost cannot be below 0: then they cost nothing, and the others are fitted anew.
        coalesce(cc > 0 and z3_c > 0, false) as has_cached,
        case when cc > 0 then det_3 else det_2 end as determinant
    from solved
),

fitted as (
    select
        *,
        case when has_cached then z3_u else z2_u end as z_u,
        case when has_cached then z3_c else 0e0 end as z_c,
        case when has_cached then z3_o else z2_o end as z_o,
        case when has_cached then (1e0 - r_co * r_co) / det_3 else 1e0 / det_2 end as v_u,
        case when has_cached then (1e0 - r_uo * r_uo) / det_3 end as v_c,
        case when has_cached then (1e0 - r_uc * r_uc) / det_3 else 1e0 / det_2 end as v_o,
        hour_count - case when has_cached then 3 else 2 end as freedom
    from chosen
),

judged as (
    select
        *,
        greatest(
            0e0, cast(yy as double) - z_u * q_u - z_c * coalesce(q_c, 0e0) - z_o * q_o
        ) / nullif(freedom, 0) as variance
    from fitted
),

weighed as (
    select
        deployment_id,
        month_number,
        learnt_from,
        hour_count,
        first_hour,
        last_hour,
        determinant,
        {{ gpu_ms_to_ps('(z_u / u)') }} as prefill_ps,
        case when has_cached then {{ gpu_ms_to_ps('(z_c / c)') }} else 0 end as cache_read_ps,
        {{ gpu_ms_to_ps('(z_o / o)') }} as decode_ps,
        {{ gpu_ms_to_ps('(sqrt(variance * v_u) / u)') }} as prefill_error_ps,
        case when has_cached then {{ gpu_ms_to_ps('(sqrt(variance * v_c) / c)') }} end
            as cache_read_error_ps,
        {{ gpu_ms_to_ps('(sqrt(variance * v_o) / o)') }} as decode_error_ps
    from judged
)

select
    *,
    case
        when hour_count < {{ var('fit_minimum_hours') }} then 'too few hours'
        when determinant is null then 'token classes move together'
        when coalesce(prefill_ps, 0) <= 0 or coalesce(decode_ps, 0) <= 0 then 'a weight is not positive'
        when coalesce(2 * prefill_error_ps > prefill_ps or 2 * decode_error_ps > decode_ps, true)
            then 'a standard error is above half of its weight'
    end as refusal
from weighed
