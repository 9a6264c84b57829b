"""Webhooks as the payment provider signs them, and as it doesn't."""

import hashlib
import hmac
import time

HEADER = "Webhook-Signature"
TOLERANCE_S = 300


def signature(secret, body, *, signed_at=None):
    """The header's value for a body of bytes."""
    seconds = str(int(time.time() if signed_at is None else signed_at))
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"


def wrong_signatures(secret, body):
    """{what is wrong: the header's value}"""
    sound = signature(secret, body)
    return {
        "another secret": signature("another" + secret, body),
        "another body": signature(secret, body + b" "),
        "signed long ago": signature(secret, body, signed_at=time.time() - TOLERANCE_S - 60),
        "signed later": signature(secret, body, signed_at=time.time() + TOLERANCE_S + 60),
        "half of it": sound[: -hashlib.sha256().digest_size],
        "no time": sound.partition(",")[2],
        "nonsense": "nonsense",
    }
