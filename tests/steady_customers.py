"""Customers who use the shop all the time, as a change of keys or settings must not refuse one."""

import threading
import uuid

PASSWORD = "a long enough secret"
PAUSE_SECONDS = 0.2  # of each customer, below every limit per account; all have one address


class Traffic:
    """`with Traffic(shop) as traffic:` whatever is refused meanwhile is in `traffic.refused`."""

    def __init__(self, shop, pause_seconds=PAUSE_SECONDS):
        self.shop = shop
        self._pause_seconds = pause_seconds
        self.refused = []
        self.asked = 0
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,), daemon=True)
            for work in (self._login, self._stay, self._stay)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._is_over.set()
        for thread in self._threads:
            thread.join(20)

    def _repeat(self, work):
        email = f"{uuid.uuid4()}@example.com"
        body = {"email": email, "password": PASSWORD}
        try:
            self._expect("POST", "/api/v1/auth/register", body=body)
            session = self._expect("POST", "/api/v1/auth/login", body=body)
            while not self._is_over.is_set():
                session = work(body, session)
                self._is_over.wait(self._pause_seconds)
        except Exception as failure:
            self.refused.append(repr(failure))

    def _login(self, body, session):
        return self._use(self._expect("POST", "/api/v1/auth/login", body=body))

    def _stay(self, body, session):
        """Each refresh twice, as if the first answer was lost."""
        token = {"refresh_token": session["refresh_token"]}
        first = self._expect("POST", "/api/v1/auth/refresh", body=token)
        again = self._expect("POST", "/api/v1/auth/refresh", body=token)
        if again["refresh_token"] != first["refresh_token"]:
            self.refused.append("a repeated refresh led elsewhere")
        return self._use(again)

    def _use(self, session):
        for path in ("/api/v1/auth/me", "/api/v1/orders"):
            self._expect("GET", path, token=session["access_token"])
        return session

    def _expect(self, method, path, **arguments):
        answer = self.shop.request(method, path, **arguments)
        self.asked += 1
        if answer.status not in (200, 201):
            self.refused.append(f"{method} {path}: {answer}")
        return answer.body
