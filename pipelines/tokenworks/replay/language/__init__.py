"""The scenario language: what a YAML may say, and what is answered where it is wrong."""
