"""A finished training run as files: models/champion and models/comparison, or a bundle for the registry."""

from collections.abc import Mapping
from pathlib import Path

from core import comparison
from core.bundle import policies_json, save_bundle
from core.dataset import Table
from core.estimators import FRAGILE
from core.explain import make_background
from core.file_names import CHAMPION, COMPARISON, POLICY, REFERENCE
from core.inference import Policy, conformal_policy
from core.monitor import make_reference, reference_json
from core.schema import COLUMNS
from core.train import TrainingRun


def publish(run: TrainingRun, table: Table, models_dir: Path) -> str:
    """Write the champion with all that a prediction needs, and the comparison of all models.

    table : what the run was trained on. An earlier content of the two folders is replaced. Returns the champion's
    version.
    """
    version = write_bundle(run, table, models_dir / CHAMPION)
    comparison.write(run, models_dir / COMPARISON)
    return version


def write_bundle(run: TrainingRun, table: Table, folder: Path, *, files: Mapping[str, bytes] | None = None) -> str:
    """Write the run's champion with all that a prediction needs; an earlier content of the folder is replaced.

    table : what the run was trained on. Background, limits and policies are learned from its development clips, like
    the model.  files : file name -> content of what else belongs to it.  Returns the champion's version.
    """
    rows = run.rows[~run.rows["held_out"]]
    X, y, groups = table.frame.loc[rows["row"], list(COLUMNS)], rows["y"].tolist(), rows["group"].tolist()
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    conformal = conformal_policy(own, rows.set_index("row")["y"])
    reference = make_reference(X, y, groups, ignore=FRAGILE, seed=run.seed)
    return save_bundle(
        folder,
        run.pipelines[run.champion],
        name=run.champion,
        created_at=run.created_at,
        background=make_background(X, y, seed=run.seed),
        libraries=run.versions,
        files={
            **comparison.champion_files(run),
            POLICY: policies_json({"threshold": Policy(), "conformal": conformal}),
            REFERENCE: reference_json(reference),
            **(files or {}),
        },
    )
