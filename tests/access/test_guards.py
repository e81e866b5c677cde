"""No function can forget to ask: what writes or reveals names its action."""

import ast
from functools import cache
from pathlib import Path

import pytest

from core.access import GUARDED

ROOT = Path(__file__).resolve().parent.parent.parent
CORE = sorted(p for p in (ROOT / "core").rglob("*.py") if "migrations" not in p.parts)
STORE_HAS = {"read", "write", "by_clip"}  # each of them opens a transaction
WRITES = {  # what changes a file, a process or the registry of models
    *("unlink", "rmtree", "write_bytes", "write_text", "replace_file", "replace_folder", "replacing", "Popen"),
    *("set_model_version_tag", "set_registered_model_tag", "set_registered_model_alias"),
    *("delete_registered_model_alias", "to_parquet"),
}
# These write without asking, because no page reaches them for a person, or they write what everybody may have.
FREE = {
    "core.allowed_places.name_place": "called only by a command: the owner names a place",
    "core.atomic": "the tool that others use",
    "core.audio.fingerprint": "a process of its own that only listens to samples",
    "core.audio.isolated": "a process of its own that only decodes",
    "core.canary.proxy": "the steps of a canary ask",
    "core.canary.running": "the steps of a canary ask",
    "core.cli": "the owner of the machine types commands",
    "core.dataset.published": "downloads the published table, for everybody",
    "core.dataset.stages": "stages of the pipeline, commands",
    "core.dataset.split": "part of a training, which asks",
    "core.evaluation.run_files": "part of a training, which asks",
    "core.library.catalogue": "a command",
    "core.library.results": "part of a library run, a command",
    "core.library.sidecar": "part of a library run, a command",
    "core.library.demo_library": "a command",
    "core.models.bundle": "part of a training, which asks",
    "core.models.connection": "creates an empty registry",
    "core.models.explanation": "a cache of explanations",
    "core.models.tracking": "part of a training, which asks",
    "core.models.unfinished_runs": "part of a training, which asks",
    "core.sources": "called only by a command: the owner names a source",
    "core.store.backup": "copies of the database: when it is opened, and by a command",
    "core.store.connection": "the tool that the store uses",
    "core.store.watch": "notices that the database file was replaced, before anything is written",
    "core.store.events.record_events": "the function that did what is noted has asked",
    "core.store.server_backup": "copies of a PostgreSQL database, by a command",
    "core.store.upgrade": "the upgrade when the database is opened",
    "core.training.stages": "stages of the pipeline, commands",
    "core.training.publish": "a command",
    "core.playlists.kept_pieces": "a cache of the table of pieces; the store asks when it is read",
    "core.store.answer_log.current_log": "the functions that show what is in the log ask",
    "core.store.prediction_log.prediction_log": "the functions that show what is in the log ask",
    "core.training.run_folder": "part of a training, which asks",
    "core.pipeline.stability.measure_windows": "called only by a command: a cache of measured features",
    "core.pipeline.jobs.hold_job": "runs in the process of a job; its store asks",
    "core.pipeline.kept_audio.keep_audio": "store_scored asks before it",
    "core.pipeline.kept_audio.keeping_audio": "store_scored and keep_clip ask before it",
    "core.models.registry.find": "a cache of the registry",
}


def module_of(path):
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def calls(node):
    """Names of all functions that are called or passed on inside a function."""
    return {
        n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    }


def forgetful(path):
    """Public functions of a module that write, or reach the database, and ask for no right."""
    module = module_of(path)
    functions = {n.name: n for n in ast.parse(path.read_text("utf-8")).body if isinstance(n, ast.FunctionDef)}
    tools = WRITES | (STORE_HAS if module.startswith("core.store.") else set())
    direct = {name: calls(node) for name, node in functions.items()}
    reach = {name for name, called in direct.items() if called & tools}
    while True:
        more = {name for name, called in direct.items() if called & {r for r in reach if r.startswith("_")}} - reach
        if not more:
            break
        reach |= more
    public = {f"{module}.{name}" for name in reach if not name.startswith("_")}
    return {n for n in public if n not in GUARDED and not any(n == f or n.startswith(f"{f}.") for f in FREE)}


def test_whatever_writes_or_reads_the_store_asks_for_a_right():
    import importlib

    for path in CORE:
        if not path.name.startswith("__") and "estimators" not in path.name:
            importlib.import_module(module_of(path))
    assert sorted(set().union(*(forgetful(path) for path in CORE))) == []


def test_no_exception_is_left_over():
    modules = {module_of(path) for path in CORE} | {module_of(path.parent) for path in CORE}
    assert [f for f in FREE if f not in modules and f.rpartition(".")[0] not in modules] == []


def test_the_search_finds_a_function_that_forgets(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "core" / "store" / "new.py"
    path.parent.mkdir(parents=True)
    path.write_text("def _helper(store):\n    write(store, 1)\n\ndef public(store):\n    _helper(store)\n")
    assert forgetful(path) == {"core.store.new.public"}


@cache
def sources():
    """Text of each file of the program."""
    return {path: path.read_text("utf-8") for room in ("core", "pages") for path in (ROOT / room).rglob("*.py")}


@cache
def names(text):
    return calls(ast.parse(text))


@pytest.mark.parametrize(
    ("what", "places"),
    [
        ("open_store", {"core/store", "core/cli", "core/api/service.py", "core/monitoring/serving.py",
                        "pages/shared/cached.py"}),
        ("for_program", {"core/store", "core/labelling/queue.py", "core/labelling/identity.py",
                         "core/labelling/whose_word.py", "core/pipeline/jobs.py",
                         "core/api/callers.py", "core/api/routes/health.py", "core/api/service.py",
                         "core/training/labelled_data.py", "pages/shared/who.py"}),
        ("asked_by", {"core/store", "core/api/callers.py", "pages/shared/cached.py"}),
        ("machine_owner", {"core/store", "core/access", "core/cli", "core/training/full_training.py"}),
    ],
)  # fmt: skip
def test_few_places_act_for_somebody_else(what, places):
    found = {
        path.relative_to(ROOT).as_posix() for path, text in sources().items() if what in text and what in names(text)
    }
    assert [f for f in sorted(found) if not any(f.startswith(place) for place in places)] == []
