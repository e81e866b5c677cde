"""Against Label Studio itself: what is exported here plays and is labelled there, and comes back whole.

Needs the program: ``TME_LABEL_STUDIO=/path/to/label-studio``, or ``label-studio`` on the PATH. With
``TME_LABEL_STUDIO_KEEP=tests/label_studio`` its exports are kept as the fixtures of ``test_label_studio.py``.
"""

import io
import os
import zipfile
from pathlib import Path

import label_studio_cases as cases
import pytest
import studio

from core import store
from core.labelling import files, import_plan
from core.labelling.label_studio_interface import label_studio_config
from core.settings import Settings

pytestmark = [
    pytest.mark.label_studio,
    pytest.mark.skipif(studio.program() is None, reason="Label Studio is not installed: set TME_LABEL_STUDIO to it"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The house whose answers are exported."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TME_DATA_DIR", str(folder))
        db = store.open_store(f"sqlite:///{folder / 'feedback.db'}")
        cases.fill(db, Settings())
        yield db
        store.close_store(db)


@pytest.fixture(scope="module")
def exports(home, tmp_path_factory):
    """Both projects in every format, after two accounts have labelled: bytes by project and format."""
    folder = tmp_path_factory.mktemp("studio")
    zipfile.ZipFile(io.BytesIO(cases.package(home, Settings()))).extractall(folder)
    running = studio.Studio(folder)
    try:
        running.sign_up(cases.CAN)
        ours = running.project(label_studio_config())
        running.sync(ours, folder / "label-studio-data" / "turkish-music-emotion")
        cases.label_ours(running, ours)
        foreign = running.project(cases.FOREIGN)
        running.call(f"/api/projects/{foreign}/import", files=cases.uploads())
        cases.label_foreign(running, foreign)
        made = {
            (name, form): running.export(project, form)
            for name, project in (("ours", ours), ("foreign", foreign))
            for form in studio.FORMATS
        }
        played = [running.call(task["data"]["audio"]) for task in running.tasks(ours)]
    finally:
        running.stop()
    if kept := os.environ.get("TME_LABEL_STUDIO_KEEP"):
        for (name, form), data in made.items():
            (Path(kept) / f"{name}.{studio.FORMATS[form]}").write_bytes(data)
    return made | {"played": played}


def test_every_clip_of_the_zip_plays_there(exports):
    assert len(exports["played"]) == len(cases.NAMES)
    assert all(sound.startswith(b"fLaC") for sound in exports["played"])


@pytest.mark.parametrize("form", studio.FORMATS)
def test_all_answers_of_all_people_come_back_from_every_format(home, exports, tmp_path, form):
    data = exports["ours", form]
    db = cases.empty(tmp_path)
    plan = cases.planned(db, data, accounts=cases.ACCOUNTS)
    import_plan.apply_import(db, plan, token="a form of import")
    assert cases.answers(db) == cases.expected(form)
    assert cases.times(db) == cases.times(home)
    store.close_store(db)


@pytest.mark.parametrize("form", studio.FORMATS)
def test_at_home_only_what_was_said_there_is_new(home, exports, form):
    plan = cases.planned(home, exports["ours", form], accounts=cases.ACCOUNTS)
    new = plan[plan["action"].eq("add")]
    assert set(new["rater"]) == set(cases.ACCOUNTS.values())
    assert plan["action"].value_counts().to_dict() == cases.at_home(form)


@pytest.mark.parametrize("form", studio.FORMATS)
def test_a_project_of_others_is_read_once_it_is_said_which_control_holds_the_emotions(exports, tmp_path, form):
    db = cases.empty(tmp_path)
    file = files.read_label_file(exports["foreign", form], control="felt")
    assert set(file.unread) == {"perceived", "sureness", "instruments"}
    plan = cases.planned(db, exports["foreign", form], accounts=cases.ACCOUNTS, control="felt")
    assert cases.said(plan) == cases.FOREIGN_SAID
    store.close_store(db)
