"""Canary: a share of the callers of the API gets the answers of the challenger, until the figures decide.

nginx stands before two servers, one with the champion and one with the challenger. It divides the callers by the hash
of their key, so the same caller always meets the same model. See docs/deployment.md.

running : the canary that runs now, and the records of the canaries that ended.
proxy : the part of nginx's configuration that divides the callers.
requests : what nginx wrote about the requests of each model.
comparing : statistics: the findings about two models from counts, times and labels.
evidence : the figures of a running canary, from nginx's log and the store.
steps : start a canary, look at it, promote the challenger, abort.
"""
