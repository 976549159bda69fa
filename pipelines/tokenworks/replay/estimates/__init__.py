"""Estimates: metrics, their intervals, and the backtest that they rest on."""
