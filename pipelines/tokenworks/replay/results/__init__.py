"""Results: what a replay leaves in its folder."""
