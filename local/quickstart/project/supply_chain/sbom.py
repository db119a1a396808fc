"""The bill of materials of what is shipped to Lambda, as CycloneDX: functions, layers, and the packages in them.

It is made from the locks, so it is the same on every machine.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from layers.build.locks import Package
from layers.build.packages import LAYERS_OF
from local.quickstart.project.supply_chain import licences
from local.quickstart.project.supply_chain.locked import SHIPPED, packages
from voucher_selection.contract.version import VERSION

_LICENCES = LicenseFactory()
_OURS = _LICENCES.make_from_string("MIT")


def text() -> str:
    """Return the document as JSON. Each package has the digests that its lock allows as properties."""
    shipped = {each.name: each.licence for each in licences.shipped()}
    contents = _packages_by_layer(shipped)
    layers = {name: _own(name, "layer") for name in contents}
    functions = {name: _own(name, "function") for name in LAYERS_OF}
    libraries = {
        package.name: _library(package, shipped[package.name]) for found in contents.values() for package in found
    }
    product = _own("voucher-selection", "product")
    bom = Bom(components=[*functions.values(), *layers.values(), *libraries.values()])
    bom.metadata.component = product
    bom.metadata.timestamp = None  # type: ignore[assignment] # the same locks give the same document
    bom.register_dependency(product, functions.values())
    for name, of_function in LAYERS_OF.items():
        bom.register_dependency(functions[name], (layers[layer] for layer in of_function))
    for name, found in contents.items():
        bom.register_dependency(layers[name], (libraries[package.name] for package in found))
    return _with_a_number_of_its_content(bom)


def _with_a_number_of_its_content(bom: Bom) -> str:
    bom.serial_number = uuid5(NAMESPACE_URL, "")
    bom.serial_number = uuid5(NAMESPACE_URL, JsonV1Dot6(bom).output_as_string())
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=2, sort_keys=True) + "\n"


def _packages_by_layer(shipped: Collection[str]) -> Mapping[str, list[Package]]:
    """Return what each layer has; a package of the shared layer is not in the other again."""
    found: dict[str, list[Package]] = {}
    for lock in SHIPPED:
        known = {package.name for of_layer in found.values() for package in of_layer}
        found[lock.stem] = [each for each in packages([lock]) if each.name in shipped and each.name not in known]
    return found


def _own(name: str, kind: str) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        name=name,
        version=VERSION,
        bom_ref=f"{kind}/{name}",
        licenses=[_OURS],
        properties=_properties({"kind": [kind]}),
    )


def _library(package: Package, licence: str) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=f"package/{package.name}",
        purl=PackageURL("pypi", name=package.name, version=package.version),
        licenses=[_LICENCES.make_from_string(licence)],
        properties=_properties({"locked:sha256": package.sha256}),
    )


def _properties(named: Mapping[str, Iterable[str]]) -> list[Property]:
    return [
        Property(name=f"voucher-selection:{name}", value=value) for name, values in named.items() for value in values
    ]
