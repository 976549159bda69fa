-- Golden case SYN-09 on the allocate macro, in minor units: largest remainder, ties by key, signs kept.
with
pools as (
    select 'thirds' as pool, key, 10000 as total, 1 as weight, expected
    from (values (1, 3334), (2, 3333), (3, 3333)) as t (key, expected)
    union all
    select 'sevenths', key, 5, 1, expected
    from (values (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 0), (7, 0)) as t (key, expected)
    union all
    select '5:3:1', key, 123456, weight, expected
    from (values (1, 5, 68587), (2, 3, 41152), (3, 1, 13717)) as t (key, weight, expected)
    union all
    select 'negative', key, -1000, 1, expected
    from (values (1, -334), (2, -333), (3, -333)) as t (key, expected)
),

allocated as (
    {{ allocate('pools', ['pool'], 'weight', ['key'], {'part': 'total'}) }}
)

select pool, key, expected, part
from allocated
where part is distinct from expected
