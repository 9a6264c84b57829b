"""The shop's private PostgreSQL: as durable as a real one, on a port and a folder of its own."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from shop.ports import LOOPBACK
from shop.state_folder import database_user, write_private
from shop.trouble import Trouble
from shop.waiting import wait_until

NAME = "postgres"
DATABASE = "doorbuster"
ADMIN = "doorbuster_admin"
OLDEST_VERSION = 15
READY_SECONDS = 60
GRACE_SECONDS = 20

# fsync and synchronous_commit are the defaults, written out because the figures rest on them.
# Checkpoints are rare and spread out: with the default 1 GB of WAL one falls into every demo, and
# its flush stalls commits for longer than a failover of Redis. So few of them also write few full
# pages, which leaves nothing for wal_compression to save. A parallel query gains nothing on a
# small machine and needs more of /dev/shm than a container has.
SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 60
shared_buffers = 128MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = off
min_wal_size = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
max_parallel_workers_per_gather = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u '
log_checkpoints = on
log_lock_waits = on
log_min_duration_statement = 1000
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


def program(name):
    """Debian keeps the server's programs out of PATH, in a folder per version."""
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    versions = sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))
    for folder in reversed(versions):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if not found:
        raise Trouble(f"PostgreSQL's `{name}` is missing: run ./install-dependencies.sh")
    return found


class PrivatePostgres:
    def __init__(self, state, launcher, port):
        self._state = state
        self._launcher = launcher
        self.port = port
        self._data = state.postgres / "data"

    def url(self, role, password):
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def admin_url(self):
        return self.url(ADMIN, self._state.secret("postgres-admin-password"))

    def start(self):
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._require_same_version()
        self._write_as_owner(
            self._data / "postgresql.conf",
            SETTINGS.format(port=self.port, socket_folder=self._state.postgres),
        )
        self._launcher.start(
            NAME,
            [program("postgres"), "-D", self._data],
            log=self._state.log(NAME),
            environment={},
            user=database_user(),
            death_signal=signal.SIGINT,  # its fast shutdown: leaves clean data even then
        )

    def wait_ready(self):
        wait_until(
            lambda: self._client("pg_isready", "--quiet").returncode == 0,
            READY_SECONDS,
            what="PostgreSQL accepts connections",
            log=self._state.log(NAME),
            still_running=lambda: self._launcher.is_alive(NAME),
        )
        known = f"select count(*) from pg_database where datname = '{DATABASE}'"
        if self.ask(known, database="postgres") == "0":
            self.ask(f"create database {DATABASE}", database="postgres")

    def ask(self, sql, database=DATABASE):
        """The answer of one statement as text, as the administrator."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        options += ["--set", "ON_ERROR_STOP=1", "--command", sql]
        answer = self._client("psql", *options, database=database)
        if answer.returncode != 0:
            raise Trouble(f"PostgreSQL refused `{sql}`: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def version(self):
        return (self._data / "PG_VERSION").read_text().strip()

    def stop(self):
        self._launcher.stop([NAME], grace_seconds=GRACE_SECONDS, stop_signal=signal.SIGINT)

    def client_environment(self, database=DATABASE):
        """For PostgreSQL's own programs, as the administrator: no password on a command line."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.port),
            "PGUSER": ADMIN,
            "PGDATABASE": database,
            "PGPASSWORD": self._state.secret("postgres-admin-password"),
            "PGCONNECT_TIMEOUT": "5",
        }

    def _client(self, name, *options, database="postgres"):
        environment = self.client_environment(database)
        command = [program(name), *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")

    def _initialise(self):
        """Without syncing: nothing of worth is in it yet, and the server syncs what it writes."""
        shutil.rmtree(self._data, ignore_errors=True)  # of a start that was interrupted
        password_file = self._state.postgres / "admin-password"
        self._write_as_owner(password_file, self._state.secret("postgres-admin-password"))
        user = database_user()
        command = [program("initdb"), "--pgdata", str(self._data), "--username", ADMIN]
        command += ["--pwfile", str(password_file), "--auth", "scram-sha-256", "--no-sync"]
        command += ["--encoding", "UTF8", "--locale", "C.UTF-8"]
        try:
            made = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}),
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise Trouble(f"initdb failed: {made.stderr.strip()}")

    def _require_same_version(self):
        installed = subprocess.check_output([program("postgres"), "--version"], text=True)
        major = re.search(r"(\d+)", installed).group(1)
        if int(major) < OLDEST_VERSION:
            raise Trouble(f"PostgreSQL {major} is too old: {OLDEST_VERSION} or newer is needed")
        if major != self.version():
            raise Trouble(
                f"the data in {self._data} is PostgreSQL {self.version()}'s, {major} is installed:"
                " forget it with `tools/local_shop.py down --wipe`"
            )

    def _write_as_owner(self, path, text):
        write_private(path, text)
        user = database_user()
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)
