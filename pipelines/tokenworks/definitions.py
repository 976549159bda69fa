"""The code location: what `workspace.yaml` names.

Belongs here: one call. Importing this module does nothing; Dagster calls `tokenworks` when it loads
the location.
"""

from __future__ import annotations

import dagster as dg

from tokenworks.build import build_defs


@dg.definitions
def tokenworks() -> dg.Definitions:
    """Everything, with the settings of the environment."""
    return build_defs()
