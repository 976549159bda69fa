"""Assets: parameters in, one call to a pure function, metadata out.

Only `tokenworks.build` imports this package; it wires nothing at import.
"""
