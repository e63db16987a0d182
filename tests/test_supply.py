"""Checks of what is distributed: contents, SBOM, licences and known vulnerabilities."""

import copy
import importlib.util
import io
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / ".ci"
if not SCRIPTS.is_dir():
    pytest.skip("the scripts are in the repository, not beside the wheel", allow_module_level=True)


def script(name: str) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contents, sbom, audit = script("contents"), script("sbom"), script("audit")

METADATA = """\
Metadata-Version: 2.4
Name: farseer-jax
Version: 0.1.0
Summary: Fit "scaling laws"
License-Expression: Apache-2.0
Requires-Dist: jinja2>=3.1
Requires-Dist: ml-dtypes
Requires-Dist: polars>=1.0; extra == 'test'
"""


@pytest.fixture
def metadata() -> Message:
    return Parser().parsestr(METADATA)


@pytest.fixture
def bill() -> dict[str, Any]:
    """An SBOM as cyclonedx-py writes it."""
    components = [
        component(
            "Jinja2", "3.1.6", {"license": {"name": "License :: OSI Approved :: BSD License"}}
        ),
        component("ml_dtypes", "0.6.0", {"license": {"id": "Apache-2.0"}}),
        component("MarkupSafe", "3.0.4", {"expression": "BSD-3-Clause AND 0BSD"}),
    ]
    root = {"bom-ref": "root", "name": "farseer-jax", "version": "0.1.0"}
    dependencies = [
        {"ref": "root", "dependsOn": ["Jinja2==3.1.6", "ml_dtypes==0.6.0"]},
        {"ref": "Jinja2==3.1.6", "dependsOn": ["MarkupSafe==3.0.4"]},
        {"ref": "ml_dtypes==0.6.0"},
    ]
    return {"metadata": {"component": root}, "components": components, "dependencies": dependencies}


def component(name: str, version: str, licence: dict[str, Any]) -> dict[str, Any]:
    own = {"bom-ref": f"{name}=={version}", "name": name, "version": version}
    return {**own, "licenses": [licence]}


def found(bill: dict[str, Any], metadata: Message) -> list[str]:
    needed = sbom.requirements(metadata)
    return sbom.problems(bill, metadata["Name"], metadata["Version"], needed)


# Contents of the distributions

REQUIRED = ["farseer_jax/__init__.pyi", "farseer_jax/py.typed"]


def distributions(folder: Path, names: list[str]) -> list[str]:
    """A wheel and an sdist of empty files."""
    wheel, sdist = folder / "own-1-py3-none-any.whl", folder / "own-1.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    with tarfile.open(sdist, "w:gz") as packed:
        for name in names:
            packed.addfile(tarfile.TarInfo(f"own-1/{name}"), io.BytesIO())
    return [str(wheel), str(sdist)]


def test_contents(tmp_path: Path) -> None:
    allowed = [*REQUIRED, "farseer_jax/laws/law.py", "farseer_jax/datasets/checksums/a_b.txt"]
    assert [contents.problems(own) for own in distributions(tmp_path, allowed)] == [[], []]
    missing = distributions(tmp_path, REQUIRED[:1])
    assert [contents.problems(own) for own in missing] == [["no farseer_jax/py.typed"]] * 2


@pytest.mark.parametrize(
    "name",
    [
        "farseer_jax/__pycache__/law.cpython-311.pyc",
        "farseer_jax/runs.csv",
        "shared/data/runs.csv",
        ".cache/compiled",
        "tests/data/fit.pkl",
        ".hypothesis/examples/a",
        "dist/sbom.json",
    ],
)
def test_caches_and_data_are_refused(name: str, tmp_path: Path) -> None:
    wrong = [contents.problems(own) for own in distributions(tmp_path, [*REQUIRED, name])]
    assert wrong == [[f"unexpected {name}"]] * 2


def test_tests_are_in_the_sdist_only(tmp_path: Path) -> None:
    wheel, sdist = distributions(tmp_path, [*REQUIRED, "tests/test_fit.py"])
    assert contents.problems(wheel) == ["unexpected tests/test_fit.py"]
    assert contents.problems(sdist) == []


# SBOM


def test_the_project_of_a_wheel(metadata: Message) -> None:
    assert tomllib.loads(sbom.project(metadata))["project"] == {
        "name": "farseer-jax",
        "version": "0.1.0",
        "description": 'Fit "scaling laws"',
        "license": "Apache-2.0",
        "dependencies": ["jinja2>=3.1", "ml-dtypes"],
    }


def test_the_metadata_of_a_wheel(tmp_path: Path) -> None:
    path = tmp_path / "own.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("farseer_jax-0.1.0.dist-info/METADATA", METADATA)
    assert sbom.metadata_of(str(path))["Version"] == "0.1.0"


def test_a_complete_sbom(bill: dict[str, Any], metadata: Message) -> None:
    assert found(bill, metadata) == []


def test_an_sbom_of_something_else(bill: dict[str, Any], metadata: Message) -> None:
    other = copy.deepcopy(bill)
    del other["metadata"]["component"]["version"]
    assert found(other, metadata) == ["is of farseer-jax None, not farseer-jax 0.1.0"]


def test_an_sbom_that_lacks_a_component(bill: dict[str, Any], metadata: Message) -> None:
    del bill["components"][1]
    wrong = ["no component ml-dtypes", "no component for ml_dtypes==0.6.0"]
    assert found(bill, metadata) == wrong
    del bill["components"][1]
    assert found(bill, metadata) == [
        wrong[0],
        "no component for MarkupSafe==3.0.4",
        "no component for ml_dtypes==0.6.0",
    ]


def test_an_sbom_with_other_dependencies(bill: dict[str, Any], metadata: Message) -> None:
    bill["dependencies"][0]["dependsOn"] = ["Jinja2==3.1.6", "MarkupSafe==3.0.4"]
    assert found(bill, metadata) == [
        "farseer-jax does not depend on markupsafe",
        "no dependency on ml-dtypes",
    ]


@pytest.mark.parametrize(
    ("licence", "goes"),
    [
        ("MIT", True),
        ("License :: OSI Approved :: Apache Software License", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("LGPL-3.0-or-later", False),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("LIMITED", False),
        ("", False),
    ],
)
def test_licences(licence: str, goes: bool, bill: dict[str, Any], metadata: Message) -> None:
    bill["components"][2]["licenses"] = [{"license": {"name": licence}}]
    wrong = [] if goes else [f"markupsafe: licence {licence or 'unknown'}"]
    assert found(bill, metadata) == wrong


def test_a_component_without_a_licence(bill: dict[str, Any], metadata: Message) -> None:
    del bill["components"][2]["licenses"]
    assert found(bill, metadata) == ["markupsafe: licence unknown"]


# Known vulnerabilities


def test_an_audit() -> None:
    hole = {"id": "CVE-1", "fix_versions": ["3.1.7"], "aliases": [], "description": ""}
    clean = {"name": "click", "version": "8.1", "vulns": []}
    report = {"dependencies": [clean, {"name": "jinja2", "version": "3.1.6", "vulns": [hole]}]}
    assert audit.outcome(None, "own") == (
        "not audited: the service of vulnerabilities did not answer",
        False,
        False,
    )
    text, wrong, complete = audit.outcome(report, "own")
    assert text.splitlines() == [
        "2 of 2 packages audited, 1 with known vulnerabilities",
        "  jinja2 3.1.6: CVE-1, fixed in 3.1.7",
    ]
    assert (wrong, complete) == (True, True)


def test_an_audit_that_looked_nothing_up_says_so() -> None:
    reason = "Dependency not found and could not be audited"
    skipped = [{"name": name, "skip_reason": reason} for name in ("click", "own")]
    text, wrong, complete = audit.outcome({"dependencies": skipped}, "own")
    assert text == "0 of 1 packages audited, 0 with known vulnerabilities\n  not audited: click"
    assert (wrong, complete) == (False, False)
