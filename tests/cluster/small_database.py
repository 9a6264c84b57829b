"""PostgreSQL as the manifests run it, but on a volume so small that it can be filled, beside the
shop's own and reached by nobody."""

import json

NAME = "full-volume"
VOLUME = "postgres-data"
VOLUME_MEBIBYTES = 300
MEMORY = "1Gi"  # a volume in memory counts towards the limit
PLACE = "/var/lib/postgresql/data"
BALLAST = f"{PLACE}/ballast"
# Leaves so much that some rows still find room; what it says at its end is expected.
FILL = f'head -c "$(($(df -Pk {PLACE} | awk \'NR == 2 {{print $4 - 24576}}\') * 1024))" /dev/zero'
ROW_BYTES = 8000
ROWS = 20_000
ASK = (
    'PGPASSWORD="$(cat /run/secrets/postgres-admin/password)" exec psql --no-psqlrc'
    " --tuples-only --no-align --host=127.0.0.1 --username=doorbuster_admin"
    " --dbname=doorbuster --set=ON_ERROR_STOP=1 --file=-"
)


class SmallDatabase:
    def __init__(self, kubectl, pod_watch):
        self._kubectl = kubectl
        self._pods = pod_watch

    def __enter__(self):
        template = self._kubectl.json("get", "statefulset", "postgres")["spec"]["template"]
        self._kubectl.run("create", "--filename=-", input=json.dumps(small_pod(template)))
        return self

    def __exit__(self, kind, error, trace):
        pod = self._pods.one(NAME)
        self._kubectl.run("delete", "pod", NAME, "--wait=false", "--grace-period=1")
        if pod:
            self._pods.wait_gone([pod.uid])

    def wait_ready(self):
        self._pods.wait_serving(NAME, 1, 120)

    def sql(self, statement):
        """The finished psql: its output has a line for each thing done."""
        command = ("exec", "--stdin", NAME, "--container=postgres", "--", "sh", "-c", ASK)
        return self._kubectl.attempt(*command, input=statement, timeout=120)

    def fill_volume(self):
        self._keeper(f"{FILL} >{BALLAST}")

    def free_volume(self):
        self._keeper(f"rm -f {BALLAST}")

    def insert_until_full(self):
        """Rows that were acknowledged, and what was said when there was no more room. They are
        made in the pod: kubectl would wait for psql to read on after it has given up."""
        row = f"INSERT INTO kept SELECT repeat('x', {ROW_BYTES});"
        script = f"yes \"$1\" | head -n {ROWS} | {{ {ASK}; }}"
        command = ("exec", NAME, "--container=postgres", "--", "sh", "-c", script, "fill", row)
        done = self._kubectl.attempt(*command, timeout=120)
        return done.stdout.splitlines().count("INSERT 0 1"), done.stderr

    def stop_at_once(self):
        """As after a crash; it may have ended already."""
        stop = "pg_ctl stop --mode=immediate --no-wait"
        self._kubectl.attempt("exec", NAME, "--container=postgres", "--", "sh", "-c", stop)

    def log(self):
        done = self._kubectl.attempt("logs", NAME, "--container=postgres", "--tail=30")
        return done.stdout

    def _keeper(self, script):
        self._kubectl.run("exec", NAME, "--container=keeper", "--", "sh", "-c", script)


def small_pod(template):
    """The pod of the StatefulSet, with a volume in memory and somebody who can fill it."""
    spec = json.loads(json.dumps(template["spec"]))
    postgres = spec["containers"][0]
    postgres["resources"] = {
        "requests": {"cpu": "10m", "memory": MEMORY, "ephemeral-storage": "64Mi"},
        "limits": {"memory": MEMORY, "ephemeral-storage": "64Mi"},
    }
    keeper = {
        "name": "keeper",
        "image": postgres["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
        "securityContext": postgres["securityContext"],
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": MEMORY}},
        "volumeMounts": [{"name": VOLUME, "mountPath": PLACE}],
    }
    volume = {"medium": "Memory", "sizeLimit": f"{VOLUME_MEBIBYTES}Mi"}
    spec["containers"].append(keeper)
    spec["volumes"].append({"name": VOLUME, "emptyDir": volume})
    metadata = {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
