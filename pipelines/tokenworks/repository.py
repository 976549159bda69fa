"""Where the repository lies: the dbt project and the sample are read from a source checkout."""

from __future__ import annotations

from pathlib import Path

from tokenworks_sources.errors import TokenworksError


def repository_root() -> Path:
    """The root of the checkout that this package runs from.

    Raises:
        TokenworksError: the package runs without its checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "dbt" / "dbt_project.yml").is_file():
        raise TokenworksError(
            f"The dbt project was expected at {root / 'dbt'}. Run Tokenworks from its source checkout."
        )
    return root
