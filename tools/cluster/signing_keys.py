"""Auth's signing keys as its two files hold them: their kids, and how far a change has come."""

import base64
import hashlib
import json
import re
import subprocess

from shop.trouble import Trouble

NAME = "[A-Z ]*PRIVATE KEY"
BLOCK = re.compile(f"-----BEGIN {NAME}-----.*?-----END {NAME}-----\n?", re.DOTALL)
COORDINATE_BYTES = 32
SETTLED, PUBLISHED, SWITCHED = "settled", "published", "switched"


def keys_in(text):
    """Each private key of a text, as a text of its own."""
    return [block.rstrip("\n") + "\n" for block in BLOCK.findall(text)]


def kid_of(pem):
    """RFC 7638, as auth computes it."""
    command = ["openssl", "pkey", "-pubout", "-outform", "DER"]
    try:
        done = subprocess.run(command, input=pem.encode(), capture_output=True)
    except FileNotFoundError:
        raise Trouble("openssl is needed to tell signing keys apart: install it") from None
    if done.returncode != 0:
        raise Trouble("there is something else than a private key among the signing keys")
    x, y = done.stdout[-2 * COORDINATE_BYTES : -COORDINATE_BYTES], done.stdout[-COORDINATE_BYTES:]
    point = {"crv": "P-256", "kty": "EC", "x": base64url(x), "y": base64url(y)}
    canonical = json.dumps(point, separators=(",", ":"), sort_keys=True)
    return base64url(hashlib.sha256(canonical.encode()).digest())


def base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def phase_of(signing, others):
    """`signing` a kid, `others` those of the other file: the next one, then the last one. A key
    that stands there alone is taken for the last one, which is always safe: it is waited for."""
    if all(kid == signing for kid in others):
        return SETTLED
    return PUBLISHED if len(others) == 2 and others[1] == signing else SWITCHED
