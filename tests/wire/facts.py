"""What exists in the shop and who may ask for it, for the hooks: without it nearly every generated
request would end at 401 or 404."""

import json
import uuid

PASSWORD = "a long enough secret"


class Facts:
    """`known`: by operation, values of its path and members of its body that mean something, and
    such that every sound body gets."""

    def __init__(self, shop):
        self._shop = shop
        self._secret = shop.shop.state.secret("order-service-secret")
        self._signing_secret = shop.shop.state.secret("webhook-secret")
        self.known = {}
        self._know_accounts()
        self._know_products()
        self._know_sales()
        self._know_reservations()
        self._know_charges()

    def write(self, file, operations):
        """The facts of these operations, each by its name."""
        facts = {
            each.name: {
                "authorization": self._authorization(each.caller),
                "signing_secret": self._signing_secret if each.caller == "signed" else None,
                "answerable": sorted(each.answerable),
                **self.known.get(each.name, {}),
            }
            for each in operations
        }
        file.write_text(json.dumps(facts))

    def _authorization(self, caller):
        if caller in ("customer", "admin"):
            token = self.buyer if caller == "customer" else self._shop.admin_token()
            return f"Bearer {token}"
        return f"Service order:{self._secret}" if caller == "service" else None

    def _know(self, name, *, path=None, body=None, every_body=None):
        self.known[name] = {
            "path": path or {},
            "body": body or {},
            "every_body": every_body or {},
        }

    def _know_accounts(self):
        shop = self._shop
        credentials = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
        assert shop.request("POST", "/api/v1/auth/register", body=credentials).status == 201
        session = shop.request("POST", "/api/v1/auth/login", body=credentials)
        self.buyer = session.body["access_token"]
        refresh = {"refresh_token": session.body["refresh_token"]}
        self._know("POST /api/v1/auth/login", body=credentials)
        self._know("POST /api/v1/auth/refresh", body=refresh)
        # The password stays what it is, so that logging in goes on.
        passwords = {"current_password": PASSWORD, "new_password": PASSWORD}
        self._know("POST /api/v1/auth/password", body=passwords)

    def _know_products(self):
        self.product = self._shop.make_product(stock=1_000_000)
        for name in (
            "GET /api/v1/products/{id}",
            "PATCH /api/v1/products/{id}",
            "POST /api/v1/products/{id}/restocks",
        ):
            self._know(name, path={"id": self.product})

    def _know_sales(self):
        shop = self._shop
        sale = shop.make_sale(units=1000, limit=1000, holds=1000)
        paused, ended = shop.make_sale(units=10), shop.make_sale(units=10)
        assert shop.buy(ended, shop.customer()).status == 201
        for name, known in {
            "GET /api/v1/flash-sales/{id}": sale,
            "GET /api/v1/flash-sales/{id}/audit": sale,
            "POST /api/v1/flash-sales/{id}/orders": sale,
            "POST /internal/v1/flash-sales/{id}/batches": sale,
            "POST /api/v1/flash-sales/{id}/pause": paused,
            "POST /api/v1/flash-sales/{id}/resume": paused,
            "POST /api/v1/flash-sales/{id}/end": ended,
            "GET /api/v1/orders/{id}": self._order(sale),
            "GET /api/v1/orders/{id}/events": self._ordinary_order(),
            "POST /api/v1/orders/{id}/pay": self._order(sale),
            "POST /api/v1/orders/{id}/cancel": self._ordinary_order(),
        }.items():
            self._know(name, path={"id": known})
        times = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}
        self._know("POST /api/v1/orders", body={"lines": self._lines()})
        self._know("POST /api/v1/flash-sales", body={"product_id": self.product} | times)

    def _order(self, sale):
        return self._shop.buy(sale, self.buyer).body["order_id"]

    def _ordinary_order(self):
        made = self._shop.request(
            "POST",
            "/api/v1/orders",
            token=self.buyer,
            key=str(uuid.uuid4()),
            body={"lines": self._lines()},
        )
        assert made.status == 201, made
        return made.body["order_id"]

    def _lines(self):
        return [{"product_id": self.product, "quantity": 1}]

    def _know_reservations(self):
        lines = self._lines()
        self._know("POST /internal/v1/reservations", body={"purpose": "order", "lines": lines})
        self._know("GET /internal/v1/reservations/{id}", path={"id": self._reservation(lines)})
        self._know(
            "POST /internal/v1/reservations/{id}/settle",
            path={"id": self._reservation(lines)},
            body={"lines": [{"product_id": self.product, "sold": 1}]},
        )
        self._know("POST /internal/v1/returns", body={"lines": lines})

    def _know_charges(self):
        # The other methods keep their answers back, one for ever.
        self._know("POST /v1/charges", every_body={"method": "sandbox:approve"})
        for name in (
            "GET /v1/charges/{key}",
            "POST /v1/charges/{key}/void",
            "POST /v1/charges/{key}/refund",
        ):
            self._know(name, path={"key": self._charge()})

    def _charge(self):
        key = str(uuid.uuid4())
        made = self._shop.request(
            "POST",
            "/v1/charges",
            headers={"Authorization": self._authorization("service")},
            body={"key": key, "amount_cents": 1, "currency": "EUR", "method": "sandbox:approve"},
            room="payment",
        )
        assert made.status == 201, made
        return key

    def _reservation(self, lines):
        made = self._shop.request(
            "POST",
            "/internal/v1/reservations",
            headers={"Authorization": self._authorization("service")},
            body={"id": str(uuid.uuid4()), "purpose": "order", "lines": lines},
            room="product",
        )
        assert made.status == 201, made
        return made.body["id"]
