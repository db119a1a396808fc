"""The archives of a stage, built when they are missing or stale."""

from infra_cdk.stages import Stage
from layers.build import Packages, Platform, build_bundles, build_layers, host_platform, lambda_platform


def packages_for(stage: Stage) -> Packages:
    """Return what the stage's functions are deployed from.

    Raises:
        layers.build.BuildError: The archives cannot be built.
    """
    if stage.packaging == "bundle":
        return build_bundles(_platform(stage))
    return build_layers(_platform(stage))


def _platform(stage: Stage) -> Platform:
    if stage.wheels == "host":
        return host_platform()
    return lambda_platform(stage.architecture)
