"""The parts of the Home page: headline figures, doors, and what is said of data and model."""

import math

import streamlit as st

from core.dataset.table import Table
from core.evaluation import policy_outcomes
from core.models.description import ModelDescription
from core.models.policy import Policy
from core.settings import Settings
from pages.shared import messages

ORIGINS = {
    "environment": "from the file that TME_TABLE names",
    "data/raw": "from data/raw",
    "download": "downloaded from the UCI repository",
    "synthetic": "made by this program from summary statistics",
}
_HARD = {"true": "sad", "called": "relax"}  # half of all errors are between these two
# Who comes, what for, and where to: (page, title, icon, parameters of the address)
Link = tuple[str, str, str, dict[str, str]]
DOORS: dict[str, tuple[str, *tuple[Link, ...]]] = {
    ":material/history_edu: Musicologist": (
        "What is measured in a recording, how the emotions differ in it, and how to cite both.",
        ("pages/explore.py", "See the features by emotion", ":material/query_stats:", {}),
        ("pages/explore.py", "Read what the 50 features mean", ":material/menu_book:", {"view": "Dictionary"}),
        ("pages/explain.py", "See what the model listens to", ":material/psychology:", {}),
        ("pages/library.py", "Measure a collection of your own", ":material/library_music:", {}),
    ),
    ":material/self_improvement: Music therapist": (
        "Which mood a recording carries, how sure that is, and what to play in a session.",
        ("pages/predict.py", "Ask about a clip", ":material/graphic_eq:", {}),
        ("pages/tracks.py", "Follow the mood through a piece", ":material/timeline:", {}),
        ("pages/moods.py", "Find pieces for a mood", ":material/mood:", {}),
        ("pages/playlists.py", "Make a playlist or an iso path", ":material/queue_music:", {}),
    ),
    ":material/monitoring: Analyst": (
        "How the models compare, what they confuse, and whether a difference is established.",
        ("pages/compare.py", "Compare the models", ":material/leaderboard:", {}),
        ("pages/confusion.py", "Open the confusion matrix", ":material/grid_on:", {}),
        ("pages/compare.py", "Read the model card", ":material/badge:", {"view": "Model card"}),
        ("pages/agreement.py", "See how far raters agree", ":material/handshake:", {}),
        ("pages/learning.py", "Train with what people said", ":material/model_training:", {}),
    ),
    ":material/hearing: Labeler": (
        "Listen and say which emotion you hear: four keys, and each answer is kept at once.",
        ("pages/label.py", "Label the next clip", ":material/headphones:", {}),
        ("pages/label.py", "Look at your answers", ":material/history:", {"view": "My answers"}),
        ("pages/confusion.py", "See the hard cases: sad or relax", ":material/compare_arrows:", _HARD),
    ),
}  # fmt: skip


def figures(model: ModelDescription) -> None:
    """The headline figures, out of fold."""
    threshold = Policy().threshold
    coverage, right = policy_outcomes.coverage_and_accuracy(model, Settings(), threshold=threshold)
    known = not math.isnan(right)
    shown = [
        ("Macro-F1", "macro_f1", "Mean F1 of the four emotions, on clips that the model did not see."),
        ("Accuracy", "accuracy", "Share of clips with the right emotion, on clips that the model did not see."),
    ]
    with st.container(horizontal=True):
        for label, measure, meaning in shown:
            value, low, high = model.figure(measure)
            metric(
                label, f"{value:.3f}", f"{low:.3f} to {high:.3f}", f"{meaning} Below: 95 % interval for other clips."
            )
        metric(
            f"Answers at {threshold:.2f}",
            f"{coverage:.0%}",
            "of clips",
            "Clips whose emotion is probable enough for one answer; the others get the two best, or a person listens.",
        )
        metric(
            "Right when it answers",
            f"{right:.0%}" if known else "not known",
            "of these answers",
            "Share of right answers among the clips that get one, on clips that the model did not see.",
        )


def metric(label: str, value: str, below: str, meaning: str) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, help=meaning, width="stretch")


def show_doors() -> None:
    """A box for each kind of person, with links."""
    for place, (title, (text, *links)) in zip([*st.columns(2), *st.columns(2)], DOORS.items(), strict=True):
        with place.container(border=True, height="stretch"):
            st.markdown(f"#### {title}")
            st.write(text)
            for page, label, icon, parameters in links:
                st.page_link(page, label=label, icon=icon, query_params=parameters or None)


def data(shown: Table) -> None:
    """Which table is in use."""
    with st.container(border=True, height="stretch"):
        st.markdown("#### :material/table: Data")
        kind = "Synthetic stand-in" if shown.synthetic else "Turkish Music Emotion table"
        st.markdown(
            f"**{kind}**, {ORIGINS.get(shown.origin, shown.origin)}.  \n"
            f"{len(shown.frame)} clips, {shown.frame.shape[1] - 1} features, 4 emotions.  \n"
            f"Content hash `{shown.content_hash[:12]}`. Licence CC BY 4.0."
        )
        if shown.note and not shown.synthetic:
            st.caption(messages.literal(shown.note))


def about(model: ModelDescription, shown: Table) -> None:
    """Which model is in use, and whether it was trained on this table."""
    with st.container(border=True, height="stretch"):
        st.markdown("#### :material/model_training: Model")
        protocol, run = model.metrics["protocol"], model.metrics["run"]
        same = "the table beside" if model.data_hash == shown.content_hash else f"data `{model.data_hash[:12]}`"
        st.markdown(
            f"**{messages.literal(model.version)}**, {messages.literal(model.source)}.  \n"
            f"Trained {model.created_at[:10]} on {same}: {protocol['rows']} distinct clips, "
            f"{protocol['held_out']} of them held out.  \n"
            f"Judged by {protocol['folds']}-fold cross-validation, repeats: {protocol['repeats']}."
        )
        if run["synthetic"]:
            st.warning("Trained on the synthetic stand-in: its answers say nothing about music.")
