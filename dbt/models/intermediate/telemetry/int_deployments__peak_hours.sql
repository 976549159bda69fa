-- What the GPUs of a deployment could have computed and read while it held them in an UTC hour, and the
-- memory they have: the sum over its GPUs, so that a tensor-parallel group counts all of its members. Of a
-- slice of a GPU its sevenths of the compute, and of memory and bandwidth its share of the memory (E8).
{{ config(materialized='view') }}
{% set peaks = {
    'peak_gflop': ('flops', '1000000000000000'),
    'peak_megabytes': ('memory_bytes_per_second', '1000000000000'),
    'memory_megabyte_us': ('memory_bytes', '1000000'),
} %}
with
chips as (
    select
        gpus.gpu_uuid,
        servers.gpu_model,
        facts.*
    from {{ ref('int_fleet__gpus') }} as gpus
    inner join {{ ref('int_fleet__servers') }} as servers on gpus.server_id = servers.server_id
    left join {{ ref('chip_facts') }} as facts
        on {{ is_known_as('facts.known_as', chip_key('servers.gpu_model')) }}
),

slices as (
    select
        replica_id,
        gpu_uuid,
        max({{ leading_integer('mig_profile') }}) as compute_slices,
        max(try_cast(regexp_extract(mig_profile, '([0-9]+)gb', 1) as bigint)) as memory_gigabytes
    from {{ ref('int_fleet__replica_gpus') }}
    where mig_profile is not null
    group by replica_id, gpu_uuid
),

held as (
    select
        held.deployment_id,
        held.hour_index,
        coalesce(chips.chip, chips.gpu_model) as chip,
        chips.memory_bytes_per_second,
        chips.memory_bytes,
        case facts.compute_type
            when '16bit' then chips.flops_16bit
            -- A chip without units for a narrow type multiplies in 16 bits.
            when 'fp8' then coalesce(chips.flops_fp8, chips.flops_16bit)
            when 'int8' then coalesce(chips.flops_int8, chips.flops_16bit)
            when 'fp4' then coalesce(chips.flops_fp4, chips.flops_16bit)
        end as flops,
        cast(case
            when slices.compute_slices is null then held.assigned_us
            else {{ int_div('(held.held_to_us - held.held_from_us) * slices.compute_slices', '7') }}
        end as {{ big_integer() }}) as flops_us,
        cast(case
            when slices.compute_slices is null then held.assigned_us
            else {{ int_div(
                'cast(held.held_to_us - held.held_from_us as ' ~ big_integer()
                ~ ') * slices.memory_gigabytes * 1000000000',
                'chips.memory_bytes'
            ) }}
        end as {{ big_integer() }}) as memory_us
    from {{ ref('int_gpu__replica_hours') }} as held
    inner join chips on held.gpu_uuid = chips.gpu_uuid
    inner join {{ ref('int_fleet__facts') }} as facts on held.deployment_id = facts.deployment_id
    left join slices on held.replica_id = slices.replica_id and held.gpu_uuid = slices.gpu_uuid
)

select
    deployment_id,
    hour_index,
    case when min(chip) = max(chip) then min(chip) else 'mixed' end as chip,
    bool_or(memory_bytes is null) as is_chip_unknown,
    {% for name, (column, unit) in peaks.items() -%}
    {% set time = 'flops_us' if column == 'flops' else 'memory_us' -%}
    -- Null where one of the GPUs is of a chip that the seed does not know.
    case when count(*) = count({{ column }})
        then {{ int_div('sum(' ~ column ~ ' * ' ~ time ~ ')', unit) }}
    end as {{ name }}{{ "," if not loop.last }}
    {% endfor %}
from held
group by deployment_id, hour_index
