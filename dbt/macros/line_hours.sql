{# Charge lines, and what the hours that the last build spread them over are held against. #}

{# With `line_hash`, one number for what tells of a line, and whether its hours follow from that alone: then those of
   the last build stand. Energy is spread as meters, GPUs and tariffs tell, taxes and credits as other lines of their
   bill. A bill that has lines of its own for the host needs no share for it. #}
{% macro spread_lines() %}
select
    told.*,
    {{ row_hash('told') }} as line_hash,
    told.cost_source <> 'energy_bills'
    and not coalesce(told.bill_kind in ('energy', 'rider', 'tax', 'credit'), false) as is_plain
from (
    select
        lines.*,
        hosted.bill_id is not null as is_hosted
    from {{ ref('int_costs__lines') }} as lines
    left join (
        select distinct bill_id, scope_id
        from {{ ref('int_costs__lines') }}
        where component = 'host'
    ) as hosted
        on
            lines.component = 'accelerator'
            and lines.bill_id = hosted.bill_id and lines.scope_id = hosted.scope_id
) as told
{% endmacro %}

{# Pre-hook of the hours: those that no line stands by go. #}
{% macro forget_line_hours() %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (billed_line_key, line_hash) not in (
            select line_key, line_hash from ({{ spread_lines() }}) as lines where is_plain
        )
    {%- endif -%}
{% endmacro %}

{# Condition on a line: the last build's hours of it are not there any more. #}
{% macro is_to_spread(line_key) -%}
    {%- set kept = ref('int_costs__lines').incorporate(path={'identifier': 'int_costs__line_hours'}) -%}
    {{- 'true' if is_whole_build() else line_key ~ ' not in (select billed_line_key from ' ~ kept ~ ')' -}}
{%- endmacro %}
