"""Who may do what.

``rights`` is the one table: actions, roles, and the least role for each action. ``person`` is the person who asks.
``checks`` refuses: every function of ``core`` that changes or reveals something names its action there.

An open store always belongs to one person (``store.by``). A function without a store takes the person as ``by``.
"""

from core.access.checks import GUARDED, AccessError, decides, require, requires
from core.access.person import ANONYMOUS, Person
from core.access.rights import Action, Role, Setting, action_of_job, may

__all__ = [
    "ANONYMOUS",
    "AccessError",
    "Action",
    "GUARDED",
    "Person",
    "Role",
    "Setting",
    "action_of_job",
    "decides",
    "may",
    "require",
    "requires",
]
