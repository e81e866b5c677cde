"""Labelling: the queue of clips, the answers of raters, their agreement, and the ground truth.

queue, desk, practice : the next clip, the label desk and its rules, synthetic clips to practise on.
tasks, listening : clips that an analyst asks named raters for; how long a person listened before an answer.
feedback, raters, identity : store an answer, compare names of raters, identify a person.
agreement, self_agreement : agreement of raters with each other and with their own earlier answers.
truth, disputes, settlement : ground truth, disputed clips, settlements by an analyst.
whose_word, hearing : whose word the mood of a piece is, say which mood one hears.
files, import_plan, import_report : export and import of labels.
"""
