"""A shop put onto the cluster, in order; every step may be repeated, and then changes nothing."""

import json

from cluster import credentials
from cluster.admin_door import NoSuchAdmin, admin_of, gateway_url, login
from cluster.ingress_address import shop_url, wait_for_shop_url
from cluster.operator_job import run_quietly
from cluster.ownership import require_place
from cluster.release import APPLY, MIGRATION, Release
from cluster.rollout import Rollout
from cluster.smoke import ask, smoke_test
from cluster.workloads import Workloads, keeps_failing
from images.bringing import bring
from shop.terminal import Step, pairs, say
from shop.trouble import Trouble

WAITED_FOR = ("StatefulSet", "Job", "Deployment")
NAMES_SHOWN = 3


class Deployment:
    def __init__(self, kubectl):
        self.kubectl = kubectl
        self.release = Release(kubectl)

    def deploy(self, *, seed, closed=False):
        """`closed`: nothing is asked of the rooms, of which there may be no pods."""
        self._prepare()
        self._namespace_and_secrets()
        bring(self.kubectl, self.release.own_images())
        rollout = Rollout(self.kubectl)
        self._apply()
        with Step("everything is ready") as step:
            names = [
                (kind, name) for kind in WAITED_FOR for name in self.release.workloads(kind)
            ]
            rollout.wait(names)
            step.note = f"{len(names)} workloads"
        self._remove_former_migrations()
        if closed:
            return
        self._admin_and_catalogue(seed)
        self._smoke_test()

    def _prepare(self):
        with Step("the cluster answers") as step:
            step.note = f"Kubernetes {self.kubectl.require_cluster()}"
        with Step(f"manifests of {self.release.overlay.name}") as step:
            self.release.prepare()
            step.note = f"{len(self.release.objects)} objects, release {self.release.name}"

    def _namespace_and_secrets(self):
        with Step(f"namespace {self.kubectl.namespace}, secrets") as step:
            place = require_place(self.kubectl)
            namespace = json.dumps(self.release.namespace_object())
            self.kubectl.run(*APPLY, "--filename=-", input=namespace)
            made = credentials.ensure(self.kubectl)
            secrets = f"made: {', '.join(made)}" if made else "there already"
            step.note = f"{place}; {secrets}" if place else secrets

    def _apply(self):
        with Step("applied") as step:
            self._remove_failed_migration()
            made, changed = self.release.apply()
            told = (shortened("made", made), shortened("changed", changed))
            step.note = "; ".join(one for one in told if one) or "nothing has changed"
            self._hurry_along()

    def _remove_failed_migration(self):
        """A Job that has failed is never started again, and one that keeps failing only minutes
        later, whatever was put right since."""
        job = self.kubectl.find("job", self.release.migration() or MIGRATION)
        if job and keeps_failing(job):
            self.kubectl.run("delete", "job", job["metadata"]["name"])

    def _hurry_along(self):
        """What Kubernetes would come to by itself, minutes later: pods that it has given up on
        for a while, and the number of pods that an autoscaler will ask for."""
        now = Workloads.read(self.kubectl)
        broken = [pod["metadata"]["name"] for pod in now.broken_pods()]
        if broken:
            self.kubectl.run("delete", "pod", "--ignore-not-found", "--wait=false", *broken)
        for name, least in now.below_minimum():
            self.kubectl.run("scale", "deployment", name, f"--replicas={least}")

    def _remove_former_migrations(self):
        chosen = f"--selector=app.kubernetes.io/name={MIGRATION}"
        names = [one["metadata"]["name"] for one in self.kubectl.items("jobs", chosen)]
        former = [name for name in names if name != self.release.migration()]
        if former:
            self.kubectl.run("delete", "job", *former)

    def _admin_and_catalogue(self, seed):
        email, password = admin_of(self.kubectl)
        with Step("administrator") as step, gateway_url(self.kubectl) as url:
            try:
                token = login(url, email, password)
                step.note = f"{email}, there already"
            except NoSuchAdmin:
                run_quietly(self.kubectl, "admin", "create", "--email", email)
                token = require_login(url, email, password)
                step.note = f"{email}, made"
            account = ask(url, "GET", "/api/v1/auth/me", token)
            if account.get("role") != "admin":
                raise Trouble(f"{email} is no administrator: {account}")
        if seed:
            self._seed_catalogue()

    def _seed_catalogue(self):
        with Step("catalogue") as step:
            with gateway_url(self.kubectl) as url:
                is_empty = not ask(url, "GET", "/api/v1/products?limit=1")["products"]
            if is_empty:
                run_quietly(self.kubectl, "catalogue", "seed")
            step.note = "a small one, made" if is_empty else "there already"

    def _smoke_test(self):
        with Step("the ingress has an address") as step:
            url = step.note = wait_for_shop_url(self.kubectl)
        with Step("tried through the ingress") as step:
            slowest = smoke_test(url)
            step.note = f"every room answers, the slowest in {slowest:.0f} ms"


def require_login(url, email, password):
    try:
        return login(url, email, password)
    except NoSuchAdmin:
        raise Trouble(
            f"the account {email} has another password than the secret admin. Give it the"
            f" secret's:  tools/deploy.py run -- doorbuster admin create --email {email}"
            " --set-password"
        ) from None


def shortened(what, names):
    """Empty for no names."""
    if len(names) <= NAMES_SHOWN:
        return f"{what}: {', '.join(names)}" if names else ""
    return f"{len(names)} objects {what}"


def ways_in(kubectl):
    url = shop_url(kubectl)
    email, _ = admin_of(kubectl)
    secret = f"kubectl -n {kubectl.namespace} get secret admin -o jsonpath='{{.data.password}}'"
    say(
        pairs(
            [
                ("address", url),
                ("catalogue", f"curl {url}/api/v1/products"),
                ("administrator", email),
                ("  its password", f"{secret} | base64 -d"),
                ("operator's command", "tools/deploy.py run -- doorbuster --help"),
                ("before a sale", "make preflight"),
                ("what runs", "tools/deploy.py status"),
                ("take it away", "make undeploy   (its data too: tools/deploy.py undeploy --data)"),
            ]
        )
    )
