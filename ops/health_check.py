"""`python -m ops.health_check URL`: whether an endpoint of a worker answers 200. For container engines.

Images have no curl. No product code is imported, so that a probe every few seconds costs little.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

ANSWER_SECONDS = 3.0


def main(arguments: list[str]) -> int:
    """Return 0 if the endpoint answers 200, otherwise 1; the answer, or the error, goes to standard output."""
    (url,) = arguments
    try:
        status, body = ask(url)
    except (OSError, http.client.HTTPException) as error:
        print(f"{url}: {error!r}")
        return 1
    print(body)
    return 0 if status == http.HTTPStatus.OK else 1


def ask(url: str) -> tuple[int, str]:
    """Return status and body of a GET; proxies of the environment are ignored."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", address.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
