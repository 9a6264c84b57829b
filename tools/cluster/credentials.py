"""The shop's secrets: made once, only where they are absent, and never seen on a command line."""

import base64
import hashlib
import json
import re
import secrets
import subprocess
import urllib.parse

from shop.state_folder import CHECKOUT
from shop.trouble import Trouble

LIST = CHECKOUT / "infra" / "k8s" / "secrets.yaml"
RANDOM_BYTES = 32
DATABASE = "doorbuster"
DATABASE_ADDRESS = "postgres:5432"
CLAIMS_OF_DATABASE = r"postgres-(data-postgres-)?\d+$"
NO_ROOMS = ("postgres", "migrate")  # pods whose database roles are there as long as the database is
DERIVED = ("database-url", "accepted-callers")  # follow from other keys, so they are made last


class Refused(Trouble):
    """Making this secret would lock somebody out of data that exists."""


def ensure(kubectl):
    """Makes what is missing; what was made, as `secret` or `secret/key`."""
    present = read_present(kubectl)
    place = kubectl.namespace
    made = plan(
        read_list(),
        present,
        place,
        has_database=has_database(kubectl),
        rooms=rooms_deployed(kubectl),
    )
    new = [name for name in made if name not in present]
    if new:
        items = [secret_object(name, made[name]) for name in new]
        whole = {"apiVersion": "v1", "kind": "List", "items": items}
        kubectl.run("create", "--filename=-", input=json.dumps(whole))
    for name in made.keys() - new:
        add_keys(kubectl, name, made[name])
    return new + [f"{name}/{key}" for name in made if name in present for key in made[name]]


def read_list():
    return json.loads(LIST.read_text())


def has_database(kubectl):
    """Whether there is a volume whose roles have passwords already: of the StatefulSet, or of
    what a component puts in its place."""
    claims = kubectl.items("persistentvolumeclaims")
    return any(re.match(CLAIMS_OF_DATABASE, one["metadata"]["name"]) for one in claims)


def rooms_deployed(kubectl):
    """The rooms that a former `deploy` has brought here."""
    return {one["metadata"]["name"] for one in kubectl.items("deployments")}


def read_present(kubectl):
    """Values as text, by key, by name of the secret."""
    return {
        one["metadata"]["name"]: {
            key: base64.b64decode(value).decode(errors="replace")
            for key, value in (one.get("data") or {}).items()
        }
        for one in kubectl.items("secrets")
    }


def plan(wanted, present, namespace, *, has_database, rooms=()):
    """What has to be made, by secret and key. Nothing that is present is in it. `rooms` are those
    that are deployed: a room that joins them has no role in the database yet."""
    whole = {name: dict(present.get(name, {})) for name in wanted}
    lacking = [
        (name, key, how)
        for name, described in wanted.items()
        for key, how in described["keys"].items()
        if key not in whole[name] and not how.get("optional")
    ]
    for name, key, how in sorted(lacking, key=lambda one: one[2]["make"] in DERIVED):
        is_known = has_database and not is_of_new_room(wanted[name], name not in present, rooms)
        if is_known and is_password_of_database(wanted[name], key):
            raise Refused(how_to_restore(namespace, name, key))
        whole[name][key] = make(how, whole[name], whole)
    made = {name: {} for name, _, _ in lacking}
    for name, key, _ in lacking:
        made[name][key] = whole[name][key]
    return made


def is_of_new_room(described, is_absent, rooms):
    """An update brings the room along: others are deployed, it is not, and nobody made its
    secret."""
    return is_absent and bool(rooms) and described["pods"][0] not in (*rooms, *NO_ROOMS)


def is_password_of_database(described, key):
    urls = any(how["make"] == "database-url" for how in described["keys"].values())
    return urls and key == "password"


def make(how, same_secret, all_secrets):
    kind = how["make"]
    if kind == "random":
        return secrets.token_urlsafe(RANDOM_BYTES)
    if kind == "p256-key":
        return signing_key()
    if kind == "text":
        return how["value"]
    if kind == "database-url":
        password = urllib.parse.quote(same_secret["password"].strip(), safe="")
        return f"postgresql://{how['role']}:{password}@{DATABASE_ADDRESS}/{DATABASE}"
    if kind == "accepted-callers":
        return ",".join(
            f"{caller}={digest_of(all_secrets, place)}" for caller, place in how["callers"].items()
        )
    raise Trouble(f"{LIST} asks for {kind!r}, which this command can't make")


def digest_of(all_secrets, place):
    name, key = place.split("/")
    return hashlib.sha256(all_secrets[name][key].strip().encode()).hexdigest()


def signing_key():
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    try:
        made = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise Trouble("openssl is needed to make the signing key: install it") from None
    if made.returncode != 0:
        raise Trouble(f"openssl could not make a signing key: {made.stderr.strip()}")
    return made.stdout


def how_to_restore(namespace, name, key):
    if name == "postgres-admin":
        lost = "set another one inside the pod (docs/runbooks/postgres-restore.md)"
    else:
        lost = "create the secret with a new one, then: tools/deploy.py run -- doorbuster migrate"
        lost += " --set-passwords"
    here = f"kubectl -n {namespace}"
    return (
        f"the secret {name} has no {key}, but there is a volume with a database that knows it: an"
        f" invented one would lock the shop out. Nothing was changed.\n"
        f"  Restore it from your copy:  {here} create secret generic {name}"
        f" --from-file={key}=FILE\n"
        f"    (if it is there without that key, before that: {here} delete secret {name})\n"
        f"  If it is lost:  {lost}\n"
        f"  Or give up the data:  tools/deploy.py undeploy --data"
    )


def secret_object(name, values):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "doorbuster"},
        },
        "type": "Opaque",
        "stringData": values,
    }


def add_keys(kubectl, name, values):
    """Refused by the cluster if somebody else changed the secret since it was read."""
    whole = kubectl.json("get", "secret", name)
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    whole["data"] = encoded | (whole.get("data") or {})
    kubectl.run("replace", "--filename=-", input=json.dumps(whole))
