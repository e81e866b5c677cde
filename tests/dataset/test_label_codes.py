"""Label codes get a meaning only from the table itself."""

import numpy as np
import pandas as pd
import pytest

from core.dataset.label_codes import legend
from core.dataset.published import read_published
from core.dataset.stand_in import sample
from core.dataset.user_tables import read_user_table
from core.errors import TableError
from core.schema import EMOTIONS, LABEL

CODES = np.array(["1", "2", "1", "4", "3", ""], dtype=object)
MEANING = {"1": "relax", "2": "happy", "3": "sad", "4": "angry"}


def others(**columns):
    return pd.DataFrame({name: [*cells, *[""] * (len(CODES) - len(cells))] for name, cells in columns.items()})


@pytest.mark.parametrize(
    "table",
    [
        others(mood=["Relaxed", "MUTLU", "relax", "angry", "sad", "happy"]),
        others(piece=["a", "b"], notes=["1 = relax, 2 = happy, 3 = sad, 4 = angry"]),
        others(notes=["relax: 1; happy: 2; üzgün: 3; kızgın: 4"]),
        others(**{"Class (1=relax 2=happy 3=sad 4=angry)": ["x"]}),
        others(code=["1", "2", "3", "4"], meaning=["relax", "happy", "sad", "angry"]),
        others(code=["1.0", "2.0", "3.0", "4.0"], meaning=["rahat", "mutlu", "üzgün", "öfkeli"]),
    ],
)
def test_a_legend_is_read(table):
    assert legend(CODES, table) == MEANING
    assert legend(np.array([code and f"{code}.0" for code in CODES], dtype=object), table) == {
        f"{code}.0": emotion for code, emotion in MEANING.items()
    }


@pytest.mark.parametrize(
    "table",
    [
        others(),
        others(mood=["relax", "happy", "sad", "angry", "sad"]),  # 1 stands beside two emotions
        others(mood=["relax", "happy", "relax", "angry"]),  # 3 stands beside nothing
        others(mood=["relax", "happy", "relax", "happy", "sad"]),  # two codes with one meaning
        others(notes=["1 = relax, 2 = happy, 3 = sad"]),
        others(notes=["1 = relax, 2 = happy, 3 = sad, 4 = angry, 1 = sad"]),
        others(code=["1", "2", "3"], meaning=["relax", "happy", "sad"]),
    ],
)
def test_what_does_not_explain_every_code_is_no_legend(table):
    assert legend(CODES, table) == {}


def test_a_coded_table_with_a_legend_is_read_on_every_way_and_without_one_refused():
    table = sample()
    coded = table.assign(**{LABEL: table[LABEL].map({e: str(k) for k, e in enumerate(EMOTIONS)})})
    data = coded.assign(mood=table[LABEL]).to_csv(index=False).encode()
    assert read_published(data)[LABEL].tolist() == table[LABEL].tolist()
    cleaned = read_user_table(data, "coded.csv").cleaned
    assert cleaned.table[LABEL].tolist() == table.loc[cleaned.table.index, LABEL].tolist()
    assert (cleaned.report["rule"] == "label code").sum() == len(table)
    with pytest.raises(TableError, match="does not show which emotion each code means"):
        read_published(coded.to_csv(index=False).encode())
