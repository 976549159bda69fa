"""dbt models as assets, from a manifest that was prepared before.

Nothing is parsed here: `dbt_project.py` writes the manifest, `build.py` hands it over. All models are
built in one run, because dbt restates by itself what the lake touched and two writers cannot share
the build file.
"""

import os
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from tokenworks.dbt_project import dbt_environment, dbt_paths, is_manifest_current, project_dir
from tokenworks.resources import SettingsResource
from tokenworks.warehouse import Build, build_arguments, building
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

POOL = "warehouse"
LAYERS = ("staging", "intermediate", "marts")


class ManifestStaleError(TokenworksError):
    """The assets that Dagster shows are not those of the dbt project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"The dbt project changed after its manifest was prepared ({path}). Restart Dagster "
            "with `make dev` or `tokenworks dev`, or run `tokenworks build` and reload the location."
        )


class LayerTranslator(DagsterDbtTranslator):
    """Default keys, so that `source('lake', t)` is the asset lake/t; groups by layer."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The model's layer, which is its first folder below `models`."""
        return layer_of(dbt_resource_props)


def layer_of(properties: Mapping[str, Any]) -> str:
    """Layer of a dbt node: the folder below `models`, else its resource type in the plural."""
    fqn = properties["fqn"]
    if properties["resource_type"] == "model" and fqn[1] in LAYERS:
        return str(fqn[1])
    return f"{properties['resource_type']}s"


def marts_keys(manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """Asset keys of all marts, sorted."""
    translator = LayerTranslator()
    return sorted(
        translator.get_asset_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and layer_of(node) == "marts"
    )


def warehouse_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All dbt models, with their data tests as checks."""

    @dbt_assets(
        name="warehouse",
        manifest=manifest,
        dagster_dbt_translator=LayerTranslator(),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def warehouse(context: dg.AssetExecutionContext, settings: SettingsResource) -> Iterator[Any]:
        with dbt_command(settings.get(), whole=not context.is_subset) as (dbt, build):
            target = dbt_paths(settings.get()).target / "dagster"
            arguments = [*build_arguments(), *build.restatement.arguments]
            yield from dbt.cli(arguments, context=context, target_path=target).stream()

    return warehouse


@contextmanager
def dbt_command(
    settings: Settings, *, whole: bool = True
) -> Iterator[tuple[DbtCliResource, Build]]:
    """A dbt command, and the build it is for, with the project's paths in its environment, and the build file held for it.

    dagster-dbt hands its own environment to dbt, so the variables are set for the time of the call.

    Raises:
        ManifestStaleError: the project changed after its manifest was prepared.
        WarehouseLockedError: another process builds or publishes.
    """
    manifest = dbt_paths(settings).manifest
    if not is_manifest_current(manifest, project_dir()):
        raise ManifestStaleError(manifest)
    before = dict(os.environ)
    with building(settings, whole=whole) as build:
        os.environ.update(dbt_environment(settings, before))
        try:
            dbt = DbtCliResource(
                project_dir=str(project_dir()),
                profiles_dir=str(project_dir()),
                dbt_executable=str(Path(sysconfig.get_path("scripts")) / "dbt"),
            )
            yield dbt, build
        finally:
            os.environ.clear()
            os.environ.update(before)
