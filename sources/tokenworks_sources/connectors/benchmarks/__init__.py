"""What the connectors of benchmark tools share: heads of JSON, clocks, figures, rows."""
