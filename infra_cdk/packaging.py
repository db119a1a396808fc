"""The archives of a stage, built if they are missing or out of date."""

from infra_cdk.stages import Stage
from layers.build.packages import Packages, build_bundles, build_layers
from layers.build.platforms import Platform, host_platform, lambda_platform


def packages_for(stage: Stage) -> Packages:
    """Return the archives of the stage's functions and layers.

    Raises
    ------
    BuildError
        The archives cannot be built.
    """
    if stage.packaging == "bundle":
        return build_bundles(_platform(stage))
    return build_layers(_platform(stage))


def _platform(stage: Stage) -> Platform:
    if stage.wheels == "host":
        return host_platform()
    return lambda_platform(stage.architecture)
