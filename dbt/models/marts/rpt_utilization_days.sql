{{ utilisation_ladder(['event_date']) }}
