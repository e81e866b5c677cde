"""A small server that says which model it is, for ``uvicorn light:app``. LIGHT_ROLE : its role.

``POST /break/STATUS`` lets all later answers have this status. The answer names the bytes of the body, so that a test
sees that the whole body arrived.
"""

import os

ROLE = os.environ.get("LIGHT_ROLE", "")
status = 200


async def app(scope, receive, send):
    global status
    if scope["type"] != "http":
        return
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    now = status
    if scope["path"].startswith("/break/"):
        status, now = int(scope["path"].rpartition("/")[2]), 200
    await send({"type": "http.response.start", "status": now, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"{ROLE} {length}".encode()})
