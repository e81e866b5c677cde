"""requirements.lock names one version of each package, and all of them are inside the ranges of requirements.txt."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def requirements(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.split("#")[0]) for line in lines if line.strip() and not line.startswith(("#", "-r"))]


LOCKED = {canonicalize_name(one.name): one for one in requirements("requirements.lock")}


def test_each_package_has_one_exact_version():
    assert len(LOCKED) == len(requirements("requirements.lock")) > 100
    assert [str(one) for one in LOCKED.values() if [s.operator for s in one.specifier] != ["=="]] == []


@pytest.mark.parametrize("asked", requirements("requirements.txt"), ids=lambda one: one.name)
def test_the_version_of_each_requirement_is_inside_its_range(asked):
    (pin,) = LOCKED[canonicalize_name(asked.name)].specifier
    assert pin.version in asked.specifier


def test_the_champion_was_trained_with_the_locked_versions():
    """So the program gives the probabilities of the model card wherever it is installed with the lock file."""
    import json

    manifest = json.loads((ROOT / "models" / "champion" / "manifest.json").read_text(encoding="utf-8"))
    libraries = {name: version for name, version in manifest["libraries"].items() if name != "python"}
    assert {name: next(iter(LOCKED[name].specifier)).version for name in libraries} == libraries


def test_the_lock_file_names_no_place_where_it_was_made():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
