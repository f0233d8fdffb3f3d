"""`python -m tools.notify TEXT`: post a line to the web hook in NOTIFY_URL, as Slack, Mattermost and Teams take it.

Without NOTIFY_URL it says so and succeeds; where the hook does not take it, it fails.
"""

from __future__ import annotations

import os
import sys

import requests

URL = "NOTIFY_URL"
TIMEOUT_SECONDS = 10.0


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.notify TEXT")
    url = os.environ.get(URL, "")
    if not url:
        print(f"{URL} is not set: nobody is told.")
        return
    try:
        requests.post(url, json={"text": sys.argv[1]}, timeout=TIMEOUT_SECONDS).raise_for_status()
    except requests.RequestException as error:
        # Not the error's text: it contains the address, which is enough to write there.
        status = error.response.status_code if error.response is not None else type(error).__name__
        sys.exit(f"The web hook did not take the message: {status}")


if __name__ == "__main__":
    main()
