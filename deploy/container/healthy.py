"""Ask the service of this container whether it lives. Exit status 0: yes. Used by the HEALTHCHECK of the image."""

import os
import sys
from http.client import HTTPException
from urllib.request import urlopen


def main() -> int:
    """Ask HEALTH_URL; without an address there is nothing to ask."""
    url = os.environ.get("HEALTH_URL", "")
    if not url:
        return 0
    try:
        with urlopen(url, timeout=4) as answer:  # noqa: S310 - the address comes from the operator
            return 0 if answer.status == 200 else 1
    except (OSError, HTTPException) as error:
        print(f"{url} does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
