"""The person at the command line, for tests that ask as the owner of the machine."""

from core.access import Person

OWNER = Person.machine_owner()
