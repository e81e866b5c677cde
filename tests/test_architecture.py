"""The plan of the house, held: who may import what, and what nobody may do."""

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import forked
import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
HOMES = {  # a side effect has one home
    "streamlit": ("app.py", "pages/"),
    "sqlalchemy": ("core/store",),
    "alembic": ("core/store",),
    "mlflow": ("core/models/",),
    "distributed": ("core/library",),
    "dask": ("core/library",),
    "plotly": ("pages/figures/", "pages/shared/show.py"),
    "fastapi": ("core/api/",),
    "limits": ("core/api/",),
    "prometheus_client": ("core/monitoring/",),
    "librosa": ("core/audio/beats", "core/audio/spectrograms"),  # for the eye; the features never depend on it
}
HEAVY = {"shap", "mlflow", "librosa", "xgboost", "lightgbm", "numba", "sklearn", "pooch", "imblearn", "matplotlib"}
UNSAFE = {"pickle", "cPickle", "joblib", "dill", "marshal", "shelve", "cloudpickle"}


@dataclass(frozen=True)
class Source:
    """What the tests ask of a file: its text, the top-level names of what it imports anywhere, and plain calls."""

    text: str
    imports: frozenset[str]
    calls: frozenset[str]


@cache
def source(path: Path) -> Source:
    text = path.read_text("utf-8")
    imports, calls = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.add(node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.add(node.func.id)
    return Source(text, frozenset(name.split(".")[0] for name in imports), frozenset(calls))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_side_effects_stay_in_their_home():
    strays = {
        (name(path), module)
        for path in CORE + PAGES
        for module in source(path).imports & HOMES.keys()
        if not name(path).startswith(HOMES[module])
    }
    assert not strays


def test_core_knows_no_page():
    assert not [name(path) for path in CORE if source(path).imports & {"pages", "app"}]


def test_nothing_is_unpickled_or_evaluated():
    assert not {
        (name(path), call) for path in CORE + PAGES for call in source(path).calls & {"eval", "exec", "compile"}
    }
    strays = {(name(path), module) for path in CORE + PAGES for module in source(path).imports & (UNSAFE - {"joblib"})}
    assert not strays
    # joblib runs the folds in parallel; its load() would unpickle
    assert not [name(path) for path in CORE + PAGES if "joblib.load" in source(path).text]


def test_no_page_turns_text_into_html():
    assert not [name(path) for path in PAGES if "unsafe_allow_html" in source(path).text]


def test_a_page_opens_without_heavy_imports():
    """What every page imports loads none of the heavy libraries."""
    code = (
        "import sys; import core.schema, core.settings, core.dataset.published, core.audio.decoding;"
        "import core.models.prediction, pages.figures.style, core.audio.synthetic, core.store;"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.xdist_group("forked")
def test_no_module_loads_librosa_before_something_is_drawn():
    """Neither the process that has loaded the program and its model, nor all other modules on top of it."""
    modules = [name(path).removesuffix(".py").replace("/", ".") for path in CORE if "migrations" not in path.parts]
    modules += [
        name(path).removesuffix(".py").replace("/", ".")
        for path in PAGES
        if path.parent.name not in ("pages", ROOT.name)
    ]
    modules = [m.removesuffix(".__init__") for m in modules if not m.endswith("__main__")]
    code = f"import importlib, sys; [importlib.import_module(m) for m in {modules}]; print('librosa' in sys.modules)"
    run = forked.Command(["-c", code], env=os.environ)
    assert run.communicate(timeout=300)[0].splitlines()[-1] == "False"  # after warnings of libraries


def test_no_path_of_a_machine_is_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [ROOT / f for f in listed.split("\0") if f.endswith((".py", ".md", ".toml", ".txt", ".json", ".yml"))]
    needles = ["/ho" + "me/", "/ro" + "ot/", "/wo" + "rk/", "file:" + "//"]
    assert not [(name(p), n) for p in texts if p.exists() for n in needles if n in p.read_text()]
