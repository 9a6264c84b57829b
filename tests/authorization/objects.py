"""What the paths of operations name: made for each operation anew, and looked at afterwards."""

import uuid
from dataclasses import dataclass


class NoObject(Exception):
    """An operation has a path whose object nobody here can make: teach `Objects` to."""


@dataclass(frozen=True)
class Object:
    """`path`: where it can be looked at; None if it doesn't exist."""

    id: str
    path: str | None = None
    token: str | None = None


class Objects:
    def __init__(self, shop, owner):
        self._shop = shop
        self._owner = owner

    def of(self, operation):
        """What the operation's path may name: one object of each kind."""
        if "{" not in operation.path:
            return [Object("")]
        for prefix, *makers in (
            ("/api/v1/orders/", self._order_of_sale, self._ordinary_order),
            ("/api/v1/flash-sales/", self._sale),
            ("/api/v1/products/", self._product),
            ("/api/{contract}", self._contract),
            # Other rooms may ask for what isn't there: that they were let in shows all the same.
            ("/internal/", self._nothing),
            ("/v1/charges/", self._nothing),
        ):
            if operation.path.startswith(prefix):
                return [make() for make in makers]
        raise NoObject(f"{operation.room}: {operation.name}")

    def state(self, made):
        """What can be seen of it."""
        if made.path is None:
            return None
        seen = self._shop.request("GET", made.path, token=made.token)
        assert seen.status == 200, seen
        return seen.body

    def _order_of_sale(self):
        return self._order(self._shop.buy(self._shop.make_sale(units=5), self._owner))

    def _ordinary_order(self):
        lines = [{"product_id": self._shop.product_id, "quantity": 1}]
        return self._order(
            self._shop.request(
                "POST",
                "/api/v1/orders",
                token=self._owner,
                key=str(uuid.uuid4()),
                body={"lines": lines},
            )
        )

    def _order(self, made):
        assert made.status == 201, made
        order = made.body["order_id"]
        return Object(order, f"/api/v1/orders/{order}", self._owner)

    def _sale(self):
        sale = self._shop.make_sale(units=5)
        return Object(sale, f"/api/v1/flash-sales/{sale}")

    def _product(self):
        product = self._shop.make_product(stock=5)
        return Object(product, f"/api/v1/products/{product}")

    @staticmethod
    def _contract():
        """A file, always there."""
        return Object("order.openapi.yaml")

    @staticmethod
    def _nothing():
        return Object(str(uuid.uuid4()))
