-- Lines of electricity bills as they were issued last. A bill is one of its issuer: another utility's, or an unnamed
-- one's of another meter, may bear the same number. Lines of one number that differ in meter, currency or issuer are
-- different lines, and their ids say in what.
with
issued as (
    select
        *,
        coalesce(
            utility_name, max(utility_name) over (partition by bill_id, meter_id), 'meter ' || meter_id
        ) as issuer
    from {{ ref('stg_lake__energy_bills') }}
),

-- A bill that is issued again replaces the whole one, lines that it no longer has included.
latest as (
    select * from issued
    qualify rank() over (partition by bill_id, issuer order by issued_at desc nulls last) = 1
),

lines as (
    select * from latest
    qualify row_number() over (
        partition by bill_id, issuer, meter_id, currency, line_id
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
)

select
    *,
    case
        when count(*) over (partition by bill_id, line_id) = 1 then line_id
        else line_id || ' (' || issuer || ', ' || meter_id || ', ' || currency || ')'
    end as charge_line_id
from lines
