"""Labelling: the queue of clips, the answers of raters, their agreement, and the ground truth.

queue, desk, practice : the next clip, the label desk and its rules, synthetic clips to practise on.
feedback, raters, identity : store an answer, compare names of raters, identify a person.
whose_word, hearing : whose word the mood of a piece is, say which mood one hears.
agreement, truth, disputes, settlement : agreement of raters, ground truth, disputed clips, settlements by an analyst.
files, import_plan, import_report : export and import of labels.
"""
