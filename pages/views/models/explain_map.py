"""The Map view of the Explain page: all clips by their explanations, with the errors of the model."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation.clip_errors import ClipOutcome, clip_errors
from core.file_names import shap_file
from core.models import explanation_map as maps
from core.models.explanation_map import Arrangement, ExplanationMap
from core.schema import BY_COLUMN
from core.settings import Settings
from pages.figures.explanation_map import explanation_map
from pages.shared import messages, show
from pages.views.models.explain_views import Page

COLOURS = {"outcome": "errors", "label": "label", "guess": "guess"}
ARRANGEMENTS = {Arrangement.NEIGHBOURS: "neighbours", Arrangement.DIRECTIONS: "two main directions"}


@st.cache_data(show_spinner="Placing the clips …", max_entries=8)
def _places(path: Path, stamp: int, arrangement: Arrangement, _shap: pd.DataFrame) -> ExplanationMap:
    """Compute the map. path, stamp : file of the explanations and time of its last change, as the cache key."""
    return maps.explanation_map(_shap, arrangement)


def every_place(page: Page) -> None:
    """Show the map, and beside it the clips as a table."""
    path = Settings().comparison_dir / shap_file(page.model)
    left, right = st.columns(2)
    colour = left.segmented_control(
        "Colour shows", list(COLOURS), format_func=COLOURS.__getitem__, default="outcome", required=True,
        key="colour", bind="query-params",
        help="Errors: wrong guesses in cross-validation. Held-out clips have one guess.",
    )  # fmt: skip
    arrangement = right.segmented_control(
        "Arranged by", list(Arrangement), format_func=ARRANGEMENTS.__getitem__, default=Arrangement.NEIGHBOURS,
        required=True, key="arranged", bind="query-params",
        help="Neighbours (t-SNE): best for groups; directions and distances between groups mean nothing. Two main "
        "directions (principal components): the axes have a meaning, but more clips overlap.",
    )  # fmt: skip
    try:
        places = _places(path, path.stat().st_mtime_ns, arrangement, _shap=page.shap)
        errors = _errors(page)
    except CoreError as error:
        messages.problem(error)
        return
    _say_what(places, errors)
    wide, beside = st.columns([3, 2], gap="large")
    with wide:
        _draw(page, places, errors, colour)
    with beside:
        _list(page, errors)


def _errors(page: Page) -> pd.DataFrame:
    """Outcome of all clips: of the development clips over the repeats, of the held-out clips once."""
    parts = [clip_errors(page.comparison.predictions(page.model, held_out=held_out)) for held_out in (False, True)]
    both = pd.concat(parts, ignore_index=True)
    return both.sort_values(["wrong", "p_label", "row"], ascending=[False, True, True], ignore_index=True)


def _say_what(places: ExplanationMap, errors: pd.DataFrame) -> None:
    counts = errors["outcome"].value_counts()
    text = (
        f"Clips that the model judges for the same reasons are close to each other. Of {len(errors)} clips, "
        f"{counts[ClipOutcome.WRONG]} are wrong and {counts[ClipOutcome.SOMETIMES]} are wrong in some repeats of the "
        f"cross-validation. On average, {wording.whole_percent(places.true_neighbours)} of the {maps.NEIGHBOURS} "
        "nearest clips on the map are also nearest by all 200 SHAP values. "
    )
    if places.telling:
        ways = "; ".join(
            f"{way}: {', '.join(f'{BY_COLUMN[c].name} for {emotion} {weight:+.2f}' for emotion, c, weight in best)}"
            for way, best in zip(("across", "up"), places.telling, strict=True)
        )
        text += f"Largest weights of the directions: {ways}. "
    st.caption(
        text
        + "The explanations are those of the final model, which has learned from the development clips; the errors "
        "are those of models that have not."
    )


def _draw(page: Page, places: ExplanationMap, errors: pd.DataFrame, colour: str) -> None:
    key = page.name(f"explanation-map-{colour}")

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points and "customdata" in points[0]:
            row = int(points[0]["customdata"][0])
            st.session_state["view"], st.session_state["row"] = "One clip", row
            st.query_params["row"] = str(row)  # the field of the other view is not there yet to do it

    show.chart(
        explanation_map(places, errors, colour=colour),
        key=key,
        alt=f"Map of {len(errors)} clips by their explanations; a click opens the reasons for a clip. The table beside "
        "it lists the same clips.",
        data=places.points.merge(errors, on="row").round(3),
        on_select=clicked,
        selection_mode="points",
    )


def _list(page: Page, errors: pd.DataFrame) -> None:
    """Show the clips as a table with links to their reasons, errors first."""
    st.markdown("**The clips, the firmest errors first**")
    only = st.toggle("Only errors", True, key="only_errors", bind="query-params")
    listed = errors[errors["outcome"] != ClipOutcome.RIGHT] if only else errors
    show.frame(
        listed.drop(columns=["outcome", "p_guess"]).assign(
            why=show.link_to_reasons(listed["row"], model=page.comparison.labels_of[page.model]),
            **{c: listed[c].map(wording.with_sign) for c in ("label", "guess")},
            **{c: 100 * listed[c] for c in ("wrong", "p_label")},
        ),
        hide_index=True,
        height=480,
        alt=f"{len(listed)} clips with label, guess and a link to the reasons",
        column_config={
            "row": st.column_config.NumberColumn(pinned=True, help="Row of the published table, counted from 0"),
            "wrong": st.column_config.NumberColumn(format="%.0f %%", help="Share of the repeats with a wrong guess"),
            "p_label": st.column_config.NumberColumn("of the label", format="%.0f %%", help="Mean probability"),
            "why": show.reasons_column(),
        },
    )
    development = int((~page.comparison.rows["held_out"]).sum())
    st.caption(
        "“why” opens the reasons for a clip, as a click on the map does. The map shows "
        f"{len(errors)} clips: {development} development clips and {len(errors) - development} held-out ones. "
        "*Labels to check* on the Confusion page judges only the part that is chosen there, at first "
        "the development clips."
    )
    st.page_link(
        "pages/confusion.py", label="Labels to check", icon=":material/rule:",
        query_params={"model": page.comparison.labels_of[page.model]},
    )  # fmt: skip
