"""Everybody who may try: the kinds of callers of the matrix, as the headers that they send."""

import forged_tokens
import signed_body

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
        self._expired = forged_tokens.expired(self._admin, key_file)
        self._forged = forged_tokens.forgeries(self._admin, key_file, other, jwks)
        self._secret = shop.shop.state.secret("order-service-secret")
        self._webhook_secret = shop.shop.state.secret("webhook-secret")

    def headers(self, who, operation, body):
        """[(what it is, its headers)] of a column of the matrix, with a request of these bytes."""
        if who == matrix.SIGNER:
            signature = signed_body.signature(self._webhook_secret, body)
            return [(who, {signed_body.HEADER: signature})]
        if who == matrix.WRONG_SIGNER:
            wrong = signed_body.wrong_signatures(self._webhook_secret, body)
            return [(f"{who}: {what}", {signed_body.HEADER: said}) for what, said in wrong.items()]
        if who == matrix.ANONYMOUS:
            return [(who, {})]
        credentials = self._credentials(who, operation)
        return [(f"{who}{what}", {"Authorization": said}) for what, said in credentials]

    def _credentials(self, who, operation):
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
            shorter = self._secret[:-1]
            return [("", f"Service order:{shorter}"), (": none", "Service order:")]
        if who == matrix.UNKNOWN_SERVICE:
            return [("", f"Service {UNKNOWN_NAME}:{self._secret}")]
        if who == matrix.EXPIRED:
            return [("", bearer(self._expired))]
        return [(f": {what}", bearer(token)) for what, token in self._forged.items()]


def bearer(token):
    return f"Bearer {token}"
