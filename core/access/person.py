"""The person who asks for something."""

from dataclasses import dataclass

from core.access.rights import Action, Role, Setting, may

ANONYMOUS = "anonymous"  # prefix of the name stored for a person without a name


@dataclass(frozen=True)
class Person:
    """The person who asks.

    Attributes
    ----------
    role : the role now.
    name : verified address or typed name; empty for a person without a name.
    verified : the name comes from a login.
    session : random identifier of the session; empty at the command line.
    setting : how the person reaches the program.
    """

    role: Role
    name: str = ""
    verified: bool = False
    session: str = ""
    setting: Setting = Setting.LOGIN

    @classmethod
    def machine_owner(cls, name: str = "") -> "Person":
        """The person at the command line. They own the machine, so they are an analyst."""
        return cls(Role.ANALYST, name, setting=Setting.COMMAND)

    def may(self, action: Action) -> bool:
        """Whether the person may do this."""
        return may(self.role, action, self.setting)

    def owns(self, rater: str, verified: bool) -> bool:
        """Whether answers stored under this name are the person's own. A login and a typed name are two persons."""
        if self.name and (rater, bool(verified)) == (self.name, self.verified):
            return True
        return bool(self.session) and not verified and rater == self.anonymous

    @property
    def anonymous(self) -> str:
        """Name under which this session answers without a name, such as ``"anonymous 1f3a9c"``."""
        return f"{ANONYMOUS} {self.session[:6]}"

    @property
    def mark(self) -> str:
        """Text that names the person in a row of the database; empty for a person without a name."""
        return f"{self.name} (login)" if self.verified else self.name
