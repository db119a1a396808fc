"""The archives of a stage, built if they are missing or out of date."""

from infra_cdk.stages import Stage
from layers.build.packages import Packages, build_bundles, build_layers
from layers.build.platforms import host_platform, lambda_platform


def packages_for(stage: Stage) -> Packages:
    """Return the archives of the stage's functions and layers.

    Raises
    ------
    BuildError
        The archives cannot be built.
    """
    platform = host_platform() if stage.wheels == "host" else lambda_platform(stage.architecture)
    return build_bundles(platform) if stage.packaging == "bundle" else build_layers(platform)
