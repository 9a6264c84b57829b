"""How long a change of keys has to wait at least, by what the shop on the cluster is told."""

import math

from cluster.pod_environment import settings_of
from shop.trouble import Trouble

# Their defaults: libs/service/access.cpp, services/auth/config.cpp.
KEYS_FETCHED_MS = 30_000
TOKENS_LIVE_SECONDS = 600
# Other rooms have no tokens to check, unless they are told how often to fetch the keys.
CALLERS_ARE_CHECKED_IN = ("gateway", "product", "order")
# An answer may take three seconds.
FETCH_SPARE_SECONDS = 4


def require_long_enough(kubectl, *, known_everywhere, token_lifetime):
    """Trouble where waits are so short that good tokens would be refused."""
    deployments = {one["metadata"]["name"]: one for one in kubectl.items("deployments")}
    auth = deployments.pop("auth", None)
    told = settings_of(kubectl, auth, "ACCESS_TOKEN_LIFETIME_S") if auth else []
    lives = max(told, default=TOKENS_LIVE_SECONDS)
    if token_lifetime < lives:
        raise Trouble(
            f"auth's access tokens live for {lives} s (ACCESS_TOKEN_LIFETIME_S): with"
            f" --token-lifetime-s {token_lifetime} good ones would be refused; give at least"
            f" {lives}"
        )
    require_keys_fetched(kubectl, deployments, known_everywhere)


def require_keys_fetched(kubectl, deployments, known_everywhere):
    for name, deployment in sorted(deployments.items()):
        told = settings_of(kubectl, deployment, "TOKEN_KEYS_REFRESH_MS")
        if not told and name not in CALLERS_ARE_CHECKED_IN:
            continue
        fetched = max(told, default=KEYS_FETCHED_MS)
        least = math.ceil(fetched / 1000) + FETCH_SPARE_SECONDS
        if known_everywhere < least:
            raise Trouble(
                f"{name} fetches auth's keys every {fetched} ms (TOKEN_KEYS_REFRESH_MS): with"
                f" --known-everywhere-s {known_everywhere} it would refuse tokens of the next key;"
                f" give at least {least}"
            )
