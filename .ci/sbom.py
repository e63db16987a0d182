"""The SBOM of an installation: python sbom.py project WHEEL | check SBOM WHEEL.

`project` prints a pyproject.toml that says what the wheel says, for `cyclonedx-py --pyproject`: the
repository's own has no version, and names the extras, too. `check` refuses an SBOM that lacks a
dependency, or has one under a licence that does not go with Apache-2.0.
"""

import json
import re
import sys
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from typing import Any

# SPDX identifiers, and the names of classifiers for packages that have none
LICENCES = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "HPND", "ISC", "MIT",
    "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
    "Apache Software License", "BSD License", "ISC License (ISCL)", "MIT License",
    "Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License",
}  # fmt: skip


def metadata_of(wheel: str) -> Message:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def requirements(metadata: Message) -> list[str]:
    """The dependencies of an installation without extras."""
    return [own for own in metadata.get_all("Requires-Dist", []) if "extra ==" not in own]


def project(metadata: Message) -> str:
    """A pyproject.toml of a wheel."""
    own = {
        "name": metadata["Name"],
        "version": metadata["Version"],
        "description": metadata["Summary"],
        "license": metadata["License-Expression"],
        "dependencies": requirements(metadata),
    }
    # a string or a list of strings is the same in JSON and in TOML
    return "[project]\n" + "".join(f"{key} = {json.dumps(own[key])}\n" for key in own)


def normal(name: str) -> str:
    """A package's name, as all its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def allowed(licence: str) -> bool:
    """Whether a name, or an SPDX expression without parentheses, goes with Apache-2.0."""
    name = licence.rpartition(" :: ")[2]
    if name in LICENCES:
        return True
    ways = (way.split(" AND ") for way in name.split(" OR "))
    return any(all(part in LICENCES for part in way) for way in ways)


def licences(component: dict[str, Any]) -> list[str]:
    """The licences that a component declares, as identifiers, expressions or names."""
    declared = component.get("licenses", [])
    named = (own.get("license", {}) for own in declared)
    return [
        own.get("expression") or license.get("id") or license.get("name", "")
        for own, license in zip(declared, named, strict=True)
    ]


def problems(sbom: dict[str, Any], name: str, version: str, needed: Iterable[str]) -> list[str]:
    """What is wrong with an SBOM of a project that needs these packages."""
    root = sbom["metadata"]["component"]
    components = {normal(own["name"]): own for own in sbom["components"]}
    edges = {own["ref"]: set(own.get("dependsOn", [])) for own in sbom["dependencies"]}
    direct = {normal(ref.partition("==")[0]) for ref in edges.get(root["bom-ref"], ())}
    wanted = {normal(re.split(r"[^\w.-]", own, maxsplit=1)[0]) for own in needed}
    known = {root["bom-ref"], *(own["bom-ref"] for own in components.values())}
    said = (root["name"], root.get("version"))
    return [
        *([f"is of {said[0]} {said[1]}, not {name} {version}"] if said != (name, version) else []),
        *(f"no component {own}" for own in sorted(wanted - set(components))),
        *(f"{name} does not depend on {own}" for own in sorted(direct - wanted)),
        *(f"no dependency on {own}" for own in sorted(wanted - direct)),
        *(f"no component for {ref}" for ref in sorted(set().union(*edges.values()) - known)),
        *(f"{own}: no version" for own, is_ in components.items() if not is_.get("version")),
        *refused(components),
    ]


def refused(components: dict[str, dict[str, Any]]) -> list[str]:
    """Components whose licence is unknown, or does not go with Apache-2.0."""
    declared = {name: licences(own) for name, own in components.items()}
    return [
        f"{name}: licence {' / '.join(own) or 'unknown'}"
        for name, own in declared.items()
        if not own or not all(map(allowed, own))
    ]


if __name__ == "__main__":
    *_, wheel = sys.argv
    about = metadata_of(wheel)
    if sys.argv[1] == "project":
        print(project(about), end="")
        sys.exit()
    with open(sys.argv[2], encoding="utf-8") as file:
        bill = json.load(file)
    for own in bill["components"]:
        print(f"  {own['name']:<20} {own['version']:<18} {' / '.join(licences(own))}")
    wrong = problems(bill, about["Name"], about["Version"], requirements(about))
    print(f"{sys.argv[2]}: {len(bill['components'])} components", *wrong, sep="\n  ")
    sys.exit(bool(wrong))
