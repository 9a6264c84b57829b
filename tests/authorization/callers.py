"""Everybody who may try: the kinds of callers of the matrix, as the Authorization they send."""

import forged_tokens

from contracts import authorization as matrix

UNKNOWN_NAME = "nobody"


class Callers:
    """`owner` is the customer whom the objects belong to."""

    def __init__(self, shop, folder):
        self._shop = shop
        self.owner = shop.customer()
        self._admin = shop.admin_token()
        key_file = shop.shop.state.signing_key_file()
        jwks = shop.request("GET", "/.well-known/jwks.json").text.encode()
        other = forged_tokens.another_key(folder)
        # Of an admin: what is refused then isn't refused for want of a role.
        self.expired = forged_tokens.expired(self._admin, key_file)
        self.forged = forged_tokens.forgeries(self._admin, key_file, other, jwks)
        self._secret = shop.shop.state.secret("order-service-secret")

    def headers(self, who, operation):
        """[(what it is, Authorization or None)] of a column of the matrix."""
        said = self._said(who, operation)
        return [(f"{who}: {what}" if what else who, header) for what, header in said]

    def _said(self, who, operation):
        if who == matrix.ANONYMOUS:
            return [("", None)]
        if who == matrix.CUSTOMER:
            # Somebody new each time, as some operations end what a customer is allowed.
            is_owner = operation.belongs_to_customer
            return [("", bearer(self.owner if is_owner else self._shop.customer()))]
        if who == matrix.ANOTHER_CUSTOMER:
            return [("", bearer(self._shop.customer()))]
        if who == matrix.ADMIN:
            return [("", bearer(self._admin))]
        if who == matrix.SERVICE:
            return [("", f"Service order:{self._secret}")]
        if who == matrix.WRONG_SERVICE:
            return [("", f"Service order:{self._secret[:-1]}"), ("empty", "Service order:")]
        if who == matrix.UNKNOWN_SERVICE:
            return [("", f"Service {UNKNOWN_NAME}:{self._secret}")]
        if who == matrix.EXPIRED:
            return [("", bearer(self.expired))]
        return [(what, bearer(token)) for what, token in self.forged.items()]


def bearer(token):
    return f"Bearer {token}"
