"""Labelling: who is asked about which clip, what counts as an answer, and when a label is settled.

queue, desk, practice : the next clip, the label desk and its rules, synthetic clips to practise on.
feedback, raters, identity : store an answer, spellings of names, who a login is.
agreement, truth, disputes, settlement : do raters agree, what is settled, and who may overrule it.
files, import_plan : labels as files, in and out.
"""
