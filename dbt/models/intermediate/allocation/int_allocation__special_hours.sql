-- The attempts of each hour whose method needs to know who else ran, or what was charged.
select
    hours.*,
    methods.method,
    methods.weight_bytes,
    methods.kv_bytes_per_token
from {{ ref('int_requests__hours') }} as hours
inner join {{ ref('int_allocation__methods') }} as methods
    on hours.deployment_id = methods.deployment_id and hours.hour_index = methods.hour_index
where methods.method not in ('{{ linear_methods() | join("', '") }}')
