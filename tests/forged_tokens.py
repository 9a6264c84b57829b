"""Access tokens that nobody may accept, and how one is signed: by openssl, as an intruder would."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

CLOCKS_MAY_DIFFER_S = 5
LIFETIME_S = 600


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts_of(token):
    header, payload, _ = token.split(".")
    return json.loads(base64url_decoded(header)), json.loads(base64url_decoded(payload))


def signing_input(header, claims):
    return ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))


def openssl(*arguments, given=b""):
    command = ["openssl", *(str(each) for each in arguments)]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def public_key_pem(key_file):
    return openssl("pkey", "-pubout", "-in", key_file)


def another_key(folder):
    path = folder / "another-key.pem"
    openssl(
        *("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    )
    return path


def signed(key_file, header, claims):
    """ES256: openssl's DER made raw (RFC 7518, section 3.4)."""
    text = signing_input(header, claims)
    der = openssl("dgst", "-sha256", "-sign", key_file, given=text.encode())
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        number = int.from_bytes(der[at + 2 : at + 2 + length], "big")
        numbers.append(number.to_bytes(32, "big"))
        at += 2 + length
    return f"{text}.{base64url(b''.join(numbers))}"


def signed_with_shared_secret(secret, header, claims):
    text = signing_input(header | {"alg": "HS256"}, claims)
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64url(mac)}"


def with_claims(token, **changes):
    """The token with another payload and the old signature."""
    header, claims = parts_of(token)
    return f"{signing_input(header, claims | changes)}.{token.split('.')[2]}"


def expired(token, key_file):
    """Sound but for its time, which is over even for a clock that is late."""
    header, claims = parts_of(token)
    end = int(time.time()) - CLOCKS_MAY_DIFFER_S - 1
    times = {"iat": end - LIFETIME_S, "nbf": end - LIFETIME_S, "exp": end}
    return signed(key_file, header, claims | times)


def forgeries(token, key_file, other_key_file, jwks):
    """{what is wrong with it: the token}, made from one that is sound. `jwks`: auth's public keys
    as it answers them, which everybody may know."""
    header, claims = parts_of(token)
    now = int(time.time())
    later = {"iat": now + 300, "nbf": now + 300, "exp": now + 600}

    def ours(header_changes=(), claims_changes=()):
        return signed(key_file, header | dict(header_changes), claims | dict(claims_changes))

    pem = public_key_pem(key_file)
    none = signing_input(header | {"alg": "none"}, claims)
    unsigned = token.rpartition(".")[0]
    return {
        "alg none": f"{none}.",
        "alg none, signature kept": f"{none}.{token.split('.')[2]}",
        "alg NoNe": f"{signing_input(header | {'alg': 'NoNe'}, claims)}.",
        "HS256 with the public key's PEM": signed_with_shared_secret(pem, header, claims),
        "HS256 with the PEM's bare text": signed_with_shared_secret(pem.strip(), header, claims),
        "HS256 with the JWK set": signed_with_shared_secret(jwks, header, claims),
        "another kid": ours({"kid": "another"}),
        "no kid": ours({"kid": None}),
        "another audience": ours((), {"aud": "another-shop"}),
        "a list of audiences": ours((), {"aud": [claims["aud"]]}),
        "another issuer": ours((), {"iss": "https://issuer.example"}),
        "no issuer": ours((), {"iss": None}),
        "a role that doesn't exist": ours((), {"role": "root"}),
        "not valid yet": ours((), later),
        "issued later": ours((), {"iat": now + 300, "exp": now + 600}),
        "a year long": ours((), {"exp": now + 365 * 86400}),
        "another type": ours({"typ": "JWT"}),
        "an extension nobody knows": ours({"crit": ["exp"]}),
        "another key's signature": signed(other_key_file, header, claims),
        "another key offered in it": signed(
            other_key_file, header | {"jwk": {"kty": "EC", "crv": "P-256"}}, claims
        ),
        "its role changed": with_claims(token, role="admin"),
        "its end changed": with_claims(token, exp=4102444800),
        "a signature of zeros": f"{unsigned}.{base64url(bytes(64))}",
        "no signature": f"{unsigned}.",
        "no token at all": "nonsense",
    }
