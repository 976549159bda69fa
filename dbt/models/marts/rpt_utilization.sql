{{ utilisation_ladder(['hour_start', 'event_date']) }}
