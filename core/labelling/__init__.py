"""What people hear: who answers, what they are asked next, what their answers make true, and who settles a dispute.

``identity``: who a person is, by login or by name. ``desk``: the clip in front of a person, and what a press of a
button does to it. ``answer_form``: the answer below one prediction. ``truth``: which answers count, and which clips are
settled. ``settlement``: how an analyst settles a dispute, and who may overrule whom.

Rules are pure functions, or run inside one transaction of the store. Moments come from a clock that the caller passes
in; ``None`` means "never". How all this looks is the business of the pages.
"""
