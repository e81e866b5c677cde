"""The plan of the house, held: who may import what, and what nobody may do."""

import ast
import subprocess
import sys
from pathlib import Path

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


def imports(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module}
    return {name.split(".")[0] for name in found}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", CORE + PAGES, ids=name)
def test_side_effects_stay_in_their_home(path):
    strays = {m for m in imports(path) & HOMES.keys() if not name(path).startswith(HOMES[m])}
    assert not strays


@pytest.mark.parametrize("path", CORE, ids=name)
def test_core_knows_no_page(path):
    assert not imports(path) & {"pages", "app"}


@pytest.mark.parametrize("path", CORE + PAGES, ids=name)
def test_nothing_is_unpickled_or_evaluated(path):
    calls = {
        n.func.id
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    assert not calls & {"eval", "exec", "compile"}
    assert not imports(path) & (UNSAFE - {"joblib"})
    # joblib runs the folds in parallel; its load() would unpickle
    assert "joblib.load" not in path.read_text()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_page_turns_text_into_html(path):
    assert "unsafe_allow_html" not in path.read_text()


def test_a_page_opens_without_heavy_imports():
    """What every page imports loads none of the heavy libraries."""
    code = (
        "import sys; import core.schema, core.settings, core.dataset.published, core.audio.decoding;"
        "import core.models.prediction, pages.figures.style, core.audio.synthetic, core.store;"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_no_module_loads_librosa_before_something_is_drawn():
    modules = [name(path).removesuffix(".py").replace("/", ".") for path in CORE if "migrations" not in path.parts]
    modules += [
        name(path).removesuffix(".py").replace("/", ".")
        for path in PAGES
        if path.parent.name not in ("pages", ROOT.name)
    ]
    modules = [m.removesuffix(".__init__") for m in modules if not m.endswith("__main__")]
    code = f"import importlib, sys; [importlib.import_module(m) for m in {modules}]; print('librosa' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]


def test_no_path_of_a_machine_is_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [ROOT / f for f in listed.split("\0") if f.endswith((".py", ".md", ".toml", ".txt", ".json", ".yml"))]
    needles = ["/ho" + "me/", "/ro" + "ot/", "/wo" + "rk/", "file:" + "//"]
    assert not [(name(p), n) for p in texts if p.exists() for n in needles if n in p.read_text()]
