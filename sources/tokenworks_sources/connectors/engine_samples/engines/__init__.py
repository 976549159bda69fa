"""What each engine calls the canonical engine metrics: one table of aliases per engine."""
