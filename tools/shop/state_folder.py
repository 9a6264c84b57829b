"""Where a shop keeps its data, secrets, logs and process records between two commands."""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from shop.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
SECRET_BYTES = 32
SOCKET_PATH_BYTES_MAX = 107  # sun_path of Linux, less its terminating zero


def default_folder():
    """One per user and checkout, outside the checkout: as root PostgreSQL runs as another user,
    who may not be able to reach the checkout."""
    chosen = os.environ.get("DOORBUSTER_STATE")
    if chosen:
        return Path(chosen).absolute()
    checkout_hash = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    return Path("/var/tmp") / f"doorbuster-{os.getuid()}-{checkout_hash}"


def database_user():
    """PostgreSQL refuses to run as root, so root's shop runs it as `postgres`."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise Trouble("there is no user `postgres`: run ./install-dependencies.sh") from None


class StateFolder:
    """`kind` parts the shop of `make up` from that of a demo, which may run at the same time."""

    def __init__(self, kind, root=None):
        self.root = Path(root or default_folder())
        self.path = self.root / kind
        self.logs = self.path / "logs"
        self.secrets = self.path / "secrets"
        self.postgres = self.path / "postgres"
        self.redis = self.path / "redis"
        self.records = self.path / "processes.json"
        self._lock_file = None

    def exists(self):
        return self.path.is_dir()

    def prepare(self):
        """Makes the folders. The default place is world-writable, so a folder that somebody else
        made there first is refused rather than trusted with secrets."""
        self._make(self.root, 0o755)
        self._make(self.path, 0o755)
        self._make(self.logs, 0o700)
        self._make(self.secrets, 0o700)
        self._make(self.redis, 0o700)
        self._make(self.postgres, 0o700, database_user())
        socket_path = self.postgres / ".s.PGSQL.65535"
        if len(os.fsencode(socket_path)) > SOCKET_PATH_BYTES_MAX:
            raise Trouble(f"{self.root} is too long for a socket's path: set DOORBUSTER_STATE")

    def lock(self):
        """One command at a time per shop; held until the process ends."""
        self._lock_file = open(self.path / "lock", "w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(f"another command is working on {self.path}: wait for it") from None

    def unlock(self):
        self._lock_file.close()

    def empty(self):
        """Everything but the lock, which is held."""
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != "lock":
                entry.unlink()

    def forget_data(self):
        """Keeps what a person may want to read after a demo: the logs."""
        for folder in (self.postgres, self.redis, self.secrets):
            shutil.rmtree(folder, ignore_errors=True)

    def wipe(self):
        """All of it; the folder around it too once no other shop has one."""
        shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.root.rmdir()
        except OSError:
            pass

    def log(self, name):
        return self.logs / f"{name}.log"

    def secret(self, name):
        """The value of a random secret, made on first use and the same from then on."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(SECRET_BYTES))
        return path.read_text().strip()

    def secret_file(self, name, value=None):
        """The file of a secret; `value` for one that is composed, such as a database's URL."""
        if value is None:
            self.secret(name)
        else:
            write_private(self.secrets / name, value)
        return self.secrets / name

    def signing_key_file(self):
        path = self.secrets / "jwt-key.pem"
        if not path.exists():
            command = ["openssl", "genpkey", "-algorithm", "EC"]
            command += ["-pkeyopt", "ec_paramgen_curve:P-256"]
            made = subprocess.run(command, capture_output=True, text=True)
            if made.returncode != 0:
                raise Trouble(f"openssl could not make a signing key: {made.stderr.strip()}")
            write_private(path, made.stdout)
        return path

    def other_key_file(self):
        """There only while keys change."""
        return self.secrets / "jwt-other-key.pem"

    def remember(self, name, value):
        """Small facts that later commands need: ports, addresses."""
        facts = self.facts()
        facts[name] = value
        write_private(self.path / "facts.json", json.dumps(facts, indent=2))

    def facts(self):
        path = self.path / "facts.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _make(self, folder, mode, owner=None):
        try:
            folder.mkdir(mode=0o700, parents=folder == self.root)
            folder.chmod(mode)  # whatever the umask: PostgreSQL's user must get through
            if owner:
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        except FileExistsError:
            expected = owner.pw_uid if owner else os.getuid()
            status = os.lstat(folder)
            if folder.is_symlink() or status.st_uid != expected:
                raise Trouble(
                    f"{folder} belongs to somebody else: set DOORBUSTER_STATE to a folder of yours"
                ) from None


def write_private(path, text):
    """Never readable by others, not even for a moment; replaced as a whole."""
    fresh = path.with_name(path.name + ".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(fresh, path)
