"""The shop on the cluster as its operator reaches it, in place of shop.shop.Shop."""

import base64
import os
import shutil
import socket
import tempfile
import urllib.parse
from pathlib import Path

from cluster.ingress_address import shop_url
from cluster.port_forward import PortForward
from shop.operator_command import run_operator_command
from shop.ports import LOOPBACK
from shop.rooms import programs_folder
from shop.state_folder import write_private
from shop.trouble import Trouble

POSTGRES_PORT = 5432
# PostgreSQL's SSLRequest: answered with one byte by a server, by nobody where the way is broken.
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
ANSWER_SECONDS = 3
COMMAND_SECONDS = 1800
# Operator's variable, secret and key. Those with an address are rewritten to the forwarded port.
PASSWORD_FILES = {
    "ADMIN_PASSWORD_FILE": ("admin", "password"),
    "JWT_SIGNING_KEY_FILE": ("jwt-key", "signing-key.pem"),
    "AUTH_DATABASE_PASSWORD_FILE": ("auth-database", "password"),
    "PRODUCT_DATABASE_PASSWORD_FILE": ("product-database", "password"),
    "ORDERS_DATABASE_PASSWORD_FILE": ("order-database", "password"),
    "PAYMENT_DATABASE_PASSWORD_FILE": ("payment-database", "password"),
    "AUDITOR_DATABASE_PASSWORD_FILE": ("auditor-database", "password"),
}
URL_FILES = {
    "DATABASE_ADMIN_URL_FILE": ("postgres-admin", "url"),
    "AUDIT_DATABASE_URL_FILE": ("auditor-database", "url"),
}


class ClusterShop:
    """`with ClusterShop(kubectl) as shop:` forwards PostgreSQL's port to this machine and keeps
    the secrets as files in a private folder for as long as it lasts."""

    def __init__(self, kubectl):
        self.kubectl = kubectl
        self.url = shop_url(kubectl)
        self.postgres = PortForward(kubectl, "service/postgres", POSTGRES_PORT)
        self._folder = None
        self._secrets = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stop()

    def start(self):
        self._folder = Path(tempfile.mkdtemp(prefix="doorbuster-cluster-"))  # mode 0700
        try:
            for variable, (secret, key) in PASSWORD_FILES.items():
                write_private(self._folder / variable, self.secret(secret, key))
            for variable, (secret, key) in URL_FILES.items():
                write_private(self._folder / variable, self.forwarded(self.secret(secret, key)))
            self.postgres.start()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.postgres.stop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def secret(self, name, key):
        """The value of a secret's key as text."""
        if name not in self._secrets:
            found = self.kubectl.find("secret", name)
            if found is None:
                namespace = self.kubectl.namespace
                raise Trouble(f"there is no secret {name} in {namespace}: run `make deploy`")
            self._secrets[name] = found.get("data") or {}
        if key not in self._secrets[name]:
            raise Trouble(f"the secret {name} has no key {key}: run `make deploy`")
        return base64.b64decode(self._secrets[name][key]).decode()

    def forwarded(self, url):
        """The same login at the forwarded port."""
        parts = urllib.parse.urlsplit(url.strip())
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@{LOOPBACK}:{self.postgres.port}").geturl()

    def operator_environment(self):
        """What the operator's command and tests need to reach everything in this shop."""
        files = {name: str(self._folder / name) for name in (*PASSWORD_FILES, *URL_FILES)}
        return {
            **files,
            "DOORBUSTER_URL": self.url,
            "DOORBUSTER_SHOP": str(self._folder),
            "ADMIN_EMAIL": self.secret("admin", "email").strip(),
            "PATH": f"{programs_folder()}:{os.environ.get('PATH', os.defpath)}",
        }

    def command(self, *arguments, **extra):
        """Output of this machine's `doorbuster` against the cluster; Trouble if it failed."""
        self.ensure_postgres()
        return run_operator_command(
            arguments, self.operator_environment() | extra, timeout=COMMAND_SECONDS
        )

    def admin_token(self):
        email = self.secret("admin", "email").strip()
        return self.command("admin", "token", "--email", email).strip()

    def ensure_postgres(self):
        """Its pod may have been replaced since, and the way goes to the former one."""
        if not self._postgres_answers():
            self.postgres.restart()

    def pods(self, name):
        """Names of the pods of a workload that aren't going away."""
        return [one["metadata"]["name"] for one in self._present(name)]

    def ready(self, name):
        """How many pods of a workload take requests."""
        return sum(is_ready(one) for one in self._present(name))

    def _present(self, name):
        found = self.kubectl.items("pods", f"--selector=app.kubernetes.io/name={name}")
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    def _postgres_answers(self):
        try:
            with socket.create_connection((LOOPBACK, self.postgres.port), ANSWER_SECONDS) as way:
                way.sendall(SSL_REQUEST)
                return way.recv(1) in (b"S", b"N")
        except OSError:
            return False


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
