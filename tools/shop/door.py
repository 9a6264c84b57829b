"""The shop through its door: JSON over HTTP as an administrator."""

import json
import urllib.error
import urllib.request
import uuid

from shop.trouble import Trouble

ANSWER_SECONDS = 15


class Door:
    def __init__(self, url, token):
        self._url = url
        self._token = token

    def get(self, path):
        return self._send("GET", path, None)

    def post(self, path, body):
        return self._send("POST", path, body)

    def _send(self, method, path, body):
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.add_header("Idempotency-Key", str(uuid.uuid4()))
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise Trouble(f"{method} {path}: {error.code} {said}") from None
        except OSError as error:
            raise Trouble(f"{method} {path}: {error}") from None
