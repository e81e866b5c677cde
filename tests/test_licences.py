"""The licences of all installed packages, against a list of the allowed ones; NOTICE names those that ask for more."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")

# Names as the packages write them: SPDX identifiers, classifiers and older texts
PERMISSIVE = {
    "0BSD", "3-Clause BSD License", "Apache License 2.0", "Apache Software License", "Apache-2.0", "BSD",
    "BSD License", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "ISC License (ISCL)",
    "LLVM-exception", "MIT", "MIT License", "MIT-0", "MIT-CMU", "PSF-2.0", "Python Software Foundation License",
    "The Unlicense (Unlicense)", "Unlicense", "Zlib",
}  # fmt: skip
# Allowed, because the packages are used unchanged and not distributed with this program. NOTICE names them.
WEAK_COPYLEFT = {
    "GNU Lesser General Public License v3 (LGPLv3)", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later",
    "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)",
}  # fmt: skip
# Packages whose metadata name no licence; read in their own files.
BY_HAND = {"axe-playwright-python": "MIT", "huey": "MIT", "skops": "MIT"}
# Libraries inside wheels whose licences ask for more than a permissive one
COPYLEFT_LIBRARIES = {
    "asound", "crypt", "gfortran", "gmp", "gnutls", "gomp", "hogweed", "keyutils", "mp3lame", "mpg123", "nettle",
    "quadmath", "sndfile", "soxr", "unistring", "x264", "x265",
}  # fmt: skip


def licence(package: metadata.Distribution) -> list[str]:
    """The parts of the licence that a package names."""
    about = package.metadata
    name = canonicalize_name(about["Name"])
    if name in BY_HAND:
        return [BY_HAND[name]]
    kinds = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License :: ")]
    said = about.get("License-Expression") or "; ".join(kinds) or (about.get("License") or "").split("\n")[0]
    return re.split(r" AND | OR | WITH |; ", said)


def needed(file: str) -> set[str]:
    """The installed packages that a list of requirements brings, and what these bring."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    found: set[tuple[str, str]] = set()
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        for extra in {"", *asked.extras}:
            if (name, extra) in found:
                continue
            try:
                more = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue  # for another system or Python
            found.add((name, extra))
            requirements = map(Requirement, more)
            waiting += [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


INSTALLED = {canonicalize_name(package.metadata["Name"]): package for package in metadata.distributions()}
PROGRAM = needed("requirements.txt")


def test_all_packages_of_the_program_are_seen():
    assert {"numpy", "certifi", "tqdm", "av", "authlib", "psycopg-binary"} <= PROGRAM
    assert "pytest" not in PROGRAM


def test_every_installed_package_has_an_allowed_licence():
    strange = {name: licence(package) for name, package in INSTALLED.items()}
    strange = {name: said for name, said in strange.items() if not set(said) <= PERMISSIVE | WEAK_COPYLEFT}
    assert strange == {}


def test_notice_names_every_package_of_the_program_that_is_not_only_permissive():
    asking = {name for name in PROGRAM if set(licence(INSTALLED[name])) & WEAK_COPYLEFT}
    assert {"certifi", "tqdm", "soxr", "psycopg"} <= asking
    assert sorted(name for name in asking if not re.search(rf"\b{name}\b", NOTICE)) == []


def test_notice_names_every_library_inside_a_wheel_that_is_not_only_permissive():
    inside = {
        (name, match[1])
        for name in PROGRAM
        for file in INSTALLED[name].files or []
        if (match := re.match(r"lib([A-Za-z0-9]+?)(?:_x86_64|_arm64)?(?:[-.][\w.-]*)?\.(?:so|dylib)", file.name))
    }
    assert ("av", "x264") in inside
    assert sorted({library for _, library in inside & {(n, lib) for n, _ in inside for lib in COPYLEFT_LIBRARIES}
                   if not re.search(rf"\b(?:lib)?{library}\b", NOTICE, re.IGNORECASE)}) == []  # fmt: skip


@pytest.mark.parametrize("said", ["GPL-3.0-only", "AGPL-3.0-or-later", "Proprietary", ""])
def test_a_licence_that_is_not_on_the_list_is_noticed(said):
    assert not {said} <= PERMISSIVE | WEAK_COPYLEFT
