"""One sentence on how often accepted answers are right, for the places where moods are played."""

import math
from collections.abc import Iterable

from core.evaluation.evaluation_table import EvaluationTable
from core.wording import share_with_interval


def accepted_right_sentence(table: EvaluationTable, emotions: Iterable[str]) -> str:
    """Return how often an accepted answer is right for each of these emotions, and where to change the limits.

    The figures are from the headline of the evaluation table, with the policy that was stored with the model. An
    emotion without a figure is left out. The sentence is empty when no figure was recorded.
    """
    parts = []
    for emotion in dict.fromkeys(emotions):
        found = table.find("accepted_right", emotion=emotion)
        if found is not None and not math.isnan(found.value):
            parts.append(f'"{emotion}" is right in {share_with_interval(found.value, found.low, found.high)}')
    if not parts:
        return ""
    return (
        f"On labelled clips, with the policy saved with the model, an accepted {', an accepted '.join(parts)}. The "
        "page Decisions offers a limit for each emotion."
    )
