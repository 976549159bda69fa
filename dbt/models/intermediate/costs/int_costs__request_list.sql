-- List price of an attempt by token class. Null where a class is unknown or has no price: an unknown
-- cached part is not 0 where the list prices it apart.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
{{ listed_attempts(is_restated('attempts.started_date')) }}
