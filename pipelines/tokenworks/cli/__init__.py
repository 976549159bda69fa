"""The `tokenworks` command: thin shells around pure functions.

`main.py` holds the app; one module per group of commands; `show.py` what they print. Heavy imports
stay inside the commands, so that `tokenworks --help` answers at once.
"""
