"""What a deployment waits for, gives up on and says, without a cluster."""

import copy
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster import (  # noqa: E402
    ingress_address,
    kubectl,
    kubectl_program,
    operator_job,
    ownership,
    refusals,
    release,
    smoke,
    undeployment,
)
from cluster.pod_trouble import pod_trouble  # noqa: E402
from cluster.workloads import Standing, Workloads, keeps_failing  # noqa: E402
from shop.trouble import Trouble  # noqa: E402


def a_pod(name="order-1", *, owner="set", labels=(), **status):
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "uid": name,
            "labels": dict(labels),
            "ownerReferences": [{"uid": owner}],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "status": status,
    }


def waiting(reason, message="", restarts=0, last=None):
    return {
        "containerStatuses": [
            {
                "restartCount": restarts,
                "state": {"waiting": {"reason": reason, "message": message}},
                "lastState": {"terminated": last} if last else {},
            }
        ]
    }


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


class PodTrouble(unittest.TestCase):
    def test_a_pod_that_is_ready_or_done_has_none(self):
        self.assertIsNone(pod_trouble(a_pod(**READY), [], 100))
        self.assertIsNone(pod_trouble(a_pod(phase="Succeeded"), [], 100))

    def test_what_waiting_will_not_help(self):
        last = {"exitCode": 2, "message": "PORT is no number"}
        for status, told in (
            (waiting("ImagePullBackOff", "not found"), "IMAGE_REGISTRY"),
            (waiting("ErrImageNeverPull"), "k3s ctr images import"),
            (waiting("CreateContainerConfigError", 'secret "x" not found'), "make deploy"),
            (waiting("CrashLoopBackOff", restarts=2, last=last), "PORT is no number"),
            (waiting("RunContainerError", "exec format error", restarts=2), "processor"),
        ):
            with self.subTest(told):
                trouble = pod_trouble(a_pod(**status), [], 100)
                self.assertTrue(trouble.final)
                self.assertIn(told, trouble.told("order-1"))
                self.assertNotIn("POD", trouble.told("order-1"))

    def test_what_may_come_right(self):
        for status in (
            waiting("ErrImagePull", "timeout"),
            waiting("CrashLoopBackOff", restarts=1, last={"exitCode": 1}),
            waiting("RunContainerError", "the sandbox is gone"),
            waiting("ContainerCreating"),
            {},
        ):
            self.assertFalse(pod_trouble(a_pod(**status), [], 100).final)

    def test_a_secret_that_a_volume_needs_shows_in_an_event(self):
        said = 'MountVolume.SetUp failed: secret "common" not found'
        event = {"type": "Warning", "message": said}
        trouble = pod_trouble(a_pod(**waiting("ContainerCreating")), [event], 100)
        self.assertTrue(trouble.final)
        self.assertIn("common", trouble.told("order-1"))
        other = {"type": "Warning", "message": "MountVolume.SetUp failed: timed out"}
        self.assertFalse(pod_trouble(a_pod(**waiting("ContainerCreating")), [other], 100).final)

    def test_a_large_image_may_take_long(self):
        def trouble_after(*reasons):
            events = [{"type": "Normal", "reason": one, "message": one} for one in reasons]
            return pod_trouble(a_pod(**waiting("ContainerCreating")), events, 100)

        self.assertTrue(trouble_after("Scheduled", "Pulling").busy)
        self.assertFalse(trouble_after("Scheduled", "Pulling", "Pulled").busy)
        self.assertFalse(trouble_after("Scheduled").busy)

    def test_a_full_node_may_get_room_for_a_while(self):
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "Insufficient cpu",
        }
        for age, final in ((5, False), (500, True)):
            trouble = pod_trouble(a_pod(conditions=[condition]), [], age)
            self.assertEqual(trouble.final, final)
            self.assertIn("Insufficient cpu", trouble.text)


def a_deployment(**status):
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "order",
            "uid": "order",
            "generation": 3,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 3} | status,
    }


def a_replica_set(uid, revision):
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": uid,
            "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": "order"}],
        },
    }


class Waiting(unittest.TestCase):
    ALL_NEW = {"updatedReplicas": 2, "availableReplicas": 2, "replicas": 2}

    def unfinished(self, *objects, names=(("Deployment", "order"),)):
        return Workloads(list(objects)).unfinished(names)

    def test_a_deployment_is_done_when_only_new_pods_are_there(self):
        self.assertEqual(self.unfinished(a_deployment(**self.ALL_NEW)), [])
        for field, value in (("updatedReplicas", 1), ("availableReplicas", 1), ("replicas", 3)):
            changed = self.ALL_NEW | {field: value}
            self.assertEqual(len(self.unfinished(a_deployment(**changed))), 1, field)

    def test_a_deployment_that_was_not_looked_at_yet_is_not_done(self):
        stale = a_deployment(**self.ALL_NEW) | {}
        stale["status"]["observedGeneration"] = 2
        self.assertEqual(len(self.unfinished(stale)), 1)

    def test_only_pods_of_the_newest_template_are_waited_for(self):
        pods = [a_pod("old", owner="former"), a_pod("new", owner="newest")]
        sets = [a_replica_set("former", "1"), a_replica_set("newest", "2")]
        [standing] = self.unfinished(a_deployment(), *sets, *pods)
        self.assertEqual([pod["metadata"]["name"] for pod in standing.pods], ["new"])

    def test_what_is_not_there_is_not_done(self):
        [standing] = self.unfinished()
        self.assertIn("isn't there", standing.text)

    def test_a_stateful_set(self):
        one = {
            "kind": "StatefulSet",
            "metadata": {"name": "redis", "uid": "set", "generation": 1},
            "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "readyReplicas": 1, "updateRevision": "b"},
        }
        names = (("StatefulSet", "redis"),)
        former = a_pod(labels={"controller-revision-hash": "a"}, **READY)
        newest = a_pod(labels={"controller-revision-hash": "b"}, **READY)
        self.assertEqual(len(self.unfinished(one, former, names=names)), 1)
        self.assertEqual(self.unfinished(one, newest, names=names), [])

    def test_a_job(self):
        def job(**status):
            return {"kind": "Job", "metadata": {"name": "m", "uid": "m"}, "status": status}

        complete = job(failed=3, conditions=[{"type": "Complete", "status": "True"}])
        gave_up = job(conditions=[{"type": "Failed", "status": "True", "message": "too often"}])
        names = (("Job", "m"),)
        self.assertEqual(self.unfinished(complete, names=names), [])
        self.assertFalse(keeps_failing(complete))
        [standing] = self.unfinished(gave_up, names=names)
        self.assertEqual(standing.failed, "too often")
        self.assertTrue(keeps_failing(gave_up))
        self.assertFalse(keeps_failing(job(failed=1)))
        self.assertTrue(keeps_failing(job(failed=2)))

    def test_a_migration_fails_only_with_a_database(self):
        job = {"kind": "Job", "metadata": {"name": "m", "uid": "m"}, "status": {"failed": 3}}

        def failed(name, minute):
            ended = {"exitCode": 1, "finishedAt": f"2026-01-01T00:{minute}:00Z"}
            status = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
            return a_pod(name, owner="m", **status)

        def database(ready):
            condition = {"type": "Ready", "status": ready}
            condition["lastTransitionTime"] = "2026-01-01T00:20:00Z"
            labels = {"app.kubernetes.io/name": "postgres"}
            return a_pod("postgres-0", labels=labels, conditions=[condition])

        early = [failed("a", "05"), failed("b", "10"), failed("c", "15")]
        names = (("Job", "m"),)
        for others in ([], [database("False")], [database("True")]):
            [standing] = self.unfinished(job, *early, *others, names=names)
            self.assertFalse(standing.failed, others)
        one, another = failed("d", "21"), failed("e", "25")
        [standing] = self.unfinished(job, *early, one, database("True"), names=names)
        self.assertFalse(standing.failed)
        [standing] = self.unfinished(job, *early, one, another, database("True"), names=names)
        self.assertEqual(standing.failed, "2 of its pods failed")
        [standing] = self.unfinished(job, *early, one, another, database("False"), names=names)
        self.assertFalse(standing.failed)

    def test_what_an_autoscaler_will_ask_for(self):
        scaler = {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "order"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "order"}, "minReplicas": 3},
        }
        self.assertEqual(
            list(Workloads([a_deployment(), scaler]).below_minimum()), [("order", 3)]
        )
        scaler["spec"]["minReplicas"] = 2
        self.assertEqual(list(Workloads([a_deployment(), scaler]).below_minimum()), [])

    def test_pods_that_are_retried_seldom(self):
        broken = a_pod("a", **waiting("ImagePullBackOff"))
        of_nobody = a_pod("b", **waiting("ImagePullBackOff"))
        del of_nobody["metadata"]["ownerReferences"]
        starting = a_pod("c", **waiting("ContainerCreating"))
        found = Workloads([broken, of_nobody, starting]).broken_pods()
        self.assertEqual([pod["metadata"]["name"] for pod in found], ["a"])


def told_common(kind, reference):
    container = {"image": "doorbuster/order", "envFrom": [{reference: {"name": "common"}}]}
    spec = {"containers": [container], "initContainers": [{"image": "doorbuster/redis"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "order"},
        "spec": {"template": {"spec": spec}},
    }


class Manifests(unittest.TestCase):
    def test_a_changed_configmap_makes_new_pods_of_who_is_told_it(self):
        deployment = told_common("Deployment", "configMapRef")
        self.assertTrue(release.is_told_common(deployment))
        self.assertFalse(release.is_told_common(told_common("Deployment", "secretRef")))
        self.assertFalse(release.is_told_common(told_common("Job", "configMapRef")))
        first = release.annotate(deployment, release.digest_of({"A": "1", "B": "2"}))
        self.assertEqual(
            first, release.annotate(deployment, release.digest_of({"B": "2", "A": "1"}))
        )
        self.assertNotEqual(
            first, release.annotate(deployment, release.digest_of({"A": "2", "B": "2"}))
        )

    def test_every_image_of_a_pod_is_found(self):
        deployment = told_common("Deployment", "configMapRef")
        cron_job = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": deployment["spec"]}}}
        for one in (deployment, cron_job):
            [spec] = release.pod_specs(one)
            self.assertEqual(len(spec["containers"] + spec["initContainers"]), 2)
        self.assertEqual(list(release.pod_specs({"kind": "Service", "spec": {}})), [])

    def test_the_migration_of_a_release_has_a_name_of_its_own(self):
        def name(tag):
            return json.loads(release.rename_migration(tag)["patch"])[0]["value"]

        self.assertEqual(name("0.1.0-0123456789ab"), "migrate-0-1-0-0123456789ab")
        self.assertLessEqual(len(name("v" * 100)), 63)
        self.assertRegex(name("Feature/X_1."), "^migrate-[a-z0-9-]*[a-z0-9]$")

    def test_what_the_cluster_writes_is_no_change(self):
        one = told_common("Deployment", "configMapRef")
        later = copy.deepcopy(one) | {"status": {"replicas": 1}}
        later["metadata"] |= {"resourceVersion": "7", "generation": 2, "managedFields": []}
        self.assertEqual(release.content(one), release.content(later))
        later["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
        self.assertNotEqual(release.content(one), release.content(later))

    def test_objects_one_after_the_other_and_in_lists(self):
        text = '{"kind": "A"}\n{"kind": "List", "items": [{"kind": "B"}, {"kind": "C"}]}\n'
        self.assertEqual([one["kind"] for one in release.json_documents(text)], ["A", "B", "C"])

    def test_an_overlay_that_does_not_exist(self):
        with self.assertRaises(Trouble) as trouble:
            release.overlay_folder("no-such-overlay")
        self.assertIn("k3s", str(trouble.exception))


class OperatorJobs(unittest.TestCase):
    TEMPLATE = {
        "spec": {
            "backoffLimit": 4,
            "template": {"spec": {"containers": [{"name": "doorbuster", "args": ["preflight"]}]}},
        }
    }

    def job(self, **options):
        return operator_job.job_from(self.TEMPLATE, "doorbuster-1", ["audit", "--json"], **options)

    def test_it_runs_what_was_asked_for_once(self):
        before = copy.deepcopy(self.TEMPLATE)
        job = self.job(with_token=False)
        [container] = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual(container["args"], ["audit", "--json"])
        self.assertEqual(job["spec"]["backoffLimit"], 0)
        self.assertEqual(self.TEMPLATE, before)

    def test_a_token_is_named_and_not_written(self):
        [container] = self.job(with_token=True)["spec"]["template"]["spec"]["containers"]
        source = {"secretKeyRef": {"name": "doorbuster-1", "key": "token"}}
        self.assertEqual(container["env"], [{"name": "DOORBUSTER_TOKEN", "valueFrom": source}])

        self.assertTrue(self.job(with_token=True)["spec"]["suspend"])
        self.assertFalse(self.job(with_token=False)["spec"]["suspend"])
        secret = operator_job.token_secret("doorbuster-1", "word", owner="its-uid")
        [owner] = secret["metadata"]["ownerReferences"]
        self.assertEqual((owner["kind"], owner["uid"]), ("Job", "its-uid"))

    def test_no_clock_ends_it(self):
        self.TEMPLATE["spec"]["activeDeadlineSeconds"] = 1800
        self.addCleanup(self.TEMPLATE["spec"].pop, "activeDeadlineSeconds")
        self.assertNotIn("activeDeadlineSeconds", self.job(with_token=False)["spec"])

    def test_only_what_goes_through_the_gateway_needs_a_token(self):
        self.assertTrue(operator_job.needs_token(["sale", "create"]))
        for arguments in (["audit"], ["preflight"], ["sale", "--help"], []):
            self.assertFalse(operator_job.needs_token(arguments))


class Log:
    """A log as one `kubectl logs` told it before it broke off."""

    def __init__(self, text):
        self.stdout = iter(text.splitlines(keepends=True))

    def kill(self):
        pass

    wait = kill


class FollowedJob:
    """A cluster that says of its pod, one after the other, `states`, and breaks off its log."""

    namespace = "ecommerce"

    def __init__(self, logs, states):
        self.logs, self.states = list(logs), list(states)
        self.deleted = []

    def find(self, kind, name):
        if kind == "cronjob":
            return {"spec": {"jobTemplate": OperatorJobs.TEMPLATE}}
        state = self.states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return {"status": {"containerStatuses": [{"state": state}]}}

    def items(self, *arguments):
        return [a_pod("doorbuster-1-a", phase="Running")]

    def json(self, *arguments, input):
        return {"metadata": {"uid": "1"}}

    def start(self, *arguments, **options):
        text = self.logs.pop(0)
        if isinstance(text, BaseException):
            raise text
        return Log(text)

    def attempt(self, action, kind, *arguments):
        self.deleted.append(kind)


class FollowingAJob(unittest.TestCase):
    RUNNING, ENDED = {"running": {}}, {"terminated": {"exitCode": 3}}

    def setUp(self):
        for name, seconds in (("FOLLOW_AGAIN_SECONDS", 0), ("UNREACHABLE_SECONDS", 0)):
            patched = mock.patch.object(operator_job, name, seconds)
            patched.start()
            self.addCleanup(patched.stop)
        patched = mock.patch.object(operator_job, "Evidence")
        patched.start().return_value.trouble_of.return_value = None
        self.addCleanup(patched.stop)

    def test_a_log_that_breaks_off_is_followed_again(self):
        logs = ("one\ntw", "one\ntwo\n", "one\ntwo\nthree\n")
        cluster = FollowedJob(logs, [self.RUNNING, self.ENDED])
        output = operator_job.Kept()
        self.assertEqual(operator_job.OperatorJob(cluster, ["migrate"]).run(output), 3)
        self.assertEqual(output.text, "one\ntwo\nthree\n")
        self.assertEqual(cluster.deleted, ["secret", "job"])

    def test_what_runs_is_not_removed_when_the_cluster_is_away(self):
        with mock.patch.object(operator_job.time, "monotonic", side_effect=range(100)):
            cluster = FollowedJob(["one\n"], [Trouble("no cluster answers")] * 3)
            with self.assertRaises(Trouble) as trouble:
                operator_job.OperatorJob(cluster, ["migrate"]).run(operator_job.Kept())
        self.assertIn("runs on", str(trouble.exception))
        self.assertEqual(cluster.deleted, [])

    def test_ctrl_c_removes_it(self):
        cluster = FollowedJob([KeyboardInterrupt()], [])
        with self.assertRaises(KeyboardInterrupt):
            operator_job.OperatorJob(cluster, ["migrate"]).run(operator_job.Kept())
        self.assertEqual(cluster.deleted, ["secret", "job"])


SHOPS_LABEL = {"app.kubernetes.io/part-of": "doorbuster"}


def an_object(kind, name, labels=None):
    return {"kind": kind, "metadata": {"name": name, "labels": labels or {}}, "spec": {}}


class Namespace:
    namespace = "ecommerce"

    def __init__(self, *objects, found=None):
        self.objects, self.found = objects, found

    def items(self, *arguments):
        return self.objects

    def find(self, *arguments):
        return self.found


class Ownership(unittest.TestCase):
    OURS = an_object("Pod", "order-1", SHOPS_LABEL)
    INSTANCE = an_object("PersistentVolumeClaim", "postgres-1", {"cnpg.io/cluster": "postgres"})
    AUTOMATIC = an_object("ConfigMap", "kube-root-ca.crt")
    FOREIGN = an_object("PersistentVolumeClaim", "wiki")

    def test_data_of_others_is_not_removed(self):
        ownership.require_nothing_foreign(Namespace(self.OURS, self.INSTANCE, self.AUTOMATIC))
        with self.assertRaises(Trouble) as trouble:
            ownership.require_nothing_foreign(Namespace(self.OURS, self.FOREIGN))
        self.assertIn("persistentvolumeclaim/wiki", str(trouble.exception))

    def test_a_workload_is_known_by_its_pods(self):
        ceiling = an_object("Deployment", "ceiling")
        ceiling["spec"] = {"template": {"metadata": {"labels": SHOPS_LABEL}}}
        self.assertTrue(ownership.is_of_shop(ceiling))

    def test_a_namespace_of_others_is_not_taken(self):
        plain = an_object("Namespace", "ecommerce")
        ours = an_object("Namespace", "ecommerce", SHOPS_LABEL)
        self.assertEqual(ownership.require_place(Namespace()), "")
        self.assertEqual(ownership.require_place(Namespace(self.FOREIGN, found=ours)), "")
        self.assertIn("empty", ownership.require_place(Namespace(self.AUTOMATIC, found=plain)))
        with self.assertRaises(Trouble) as trouble:
            ownership.require_place(Namespace(self.FOREIGN, found=plain))
        self.assertIn("wiki", str(trouble.exception))

    def test_policies_stay_with_a_database_that_runs_on(self):
        objects = [{"kind": kind} for kind in ("Deployment", "NetworkPolicy", "Cluster", "Secret")]
        self.assertEqual(
            [one["kind"] for one in undeployment.to_remove(objects, True)], ["Deployment"]
        )
        removed = undeployment.to_remove(objects, False)
        self.assertEqual([one["kind"] for one in removed], ["Deployment", "NetworkPolicy"])

    def test_pods_that_stay_are_a_trouble(self):
        undeployment.wait_until_gone(Namespace(), seconds=-1)
        with self.assertRaises(Trouble) as trouble:
            undeployment.wait_until_gone(Namespace(self.OURS), seconds=-1)
        self.assertIn("order-1", str(trouble.exception))


class Refusing(unittest.TestCase):
    def setUp(self):
        self.now = 1000.0
        self.cluster = Namespace()

    def event(self, uid, message, count=1):
        time = f"2026-01-01T00:00:{count:02}Z"
        metadata = {"uid": f"event-{uid}", "creationTimestamp": time}
        about = {"involvedObject": {"uid": uid}, "lastTimestamp": time, "count": count}
        return {"metadata": metadata, "message": message} | about

    def later(self, refused, standing, seconds):
        self.now += seconds
        return refused.lasting_of(standing)

    def refusals(self, *events):
        self.cluster.objects = events
        return refusals.Refusals(self.cluster, clock=lambda: self.now)

    def test_what_lasts_is_told_once_it_has_lasted(self):
        refused = self.refusals()
        standing = Standing("redis", "0 of 3 ready", maker="redis")
        self.cluster.objects = [self.event("redis", "exceeded quota")]
        self.assertEqual(self.later(refused, standing, 10), "")
        self.assertEqual(self.later(refused, standing, 10), "")
        self.assertEqual(self.later(refused, standing, 10), "exceeded quota")

    def test_a_pod_that_came_ends_it(self):
        refused = self.refusals()
        standing = Standing("redis", "0 of 3 ready", maker="redis")
        there = Standing("redis", "1 of 3 ready", pods=(a_pod(),), maker="redis")
        self.cluster.objects = [self.event("redis", "serviceaccount not found")]
        self.assertEqual(self.later(refused, standing, 10), "")
        self.assertEqual(self.later(refused, there, 30), "")
        self.assertEqual(self.later(refused, standing, 10), "")

    def test_what_was_refused_before_does_not_count(self):
        former = self.event("redis", "exceeded quota")
        refused = self.refusals(former)
        standing = Standing("redis", "0 of 3 ready", maker="redis")
        for _ in range(3):
            self.assertEqual(self.later(refused, standing, 20), "")
        self.cluster.objects = [self.event("redis", "exceeded quota", count=2)]
        self.later(refused, standing, 20)
        self.assertEqual(self.later(refused, standing, 20), "exceeded quota")

    def test_others_are_not_blamed(self):
        refused = self.refusals()
        self.cluster.objects = [self.event("redis-sentinel", "exceeded quota")]
        for standing in (Standing("redis", "", maker="redis"), Standing("redis", "")):
            self.later(refused, standing, 20)
            self.assertEqual(self.later(refused, standing, 20), "")


class Address(unittest.TestCase):
    def setUp(self):
        names = ("DOORBUSTER_URL", "INGRESS_URL", "CLUSTER_COMMAND")
        cleared = {name: value for name, value in os.environ.items() if name not in names}
        patched = mock.patch.dict(os.environ, cleared, clear=True)
        patched.start()
        self.addCleanup(patched.stop)

    def ingress(self, *places, **spec):
        return {"spec": spec, "status": {"loadBalancer": {"ingress": list(places)}}}

    def test_what_the_controller_wrote(self):
        for ingress, url in (
            (self.ingress({"ip": "10.0.0.7"}), "http://10.0.0.7"),
            (self.ingress({"ip": "fd00::7"}), "http://[fd00::7]"),
            (self.ingress({"hostname": "shop.example"}, tls=[{}]), "https://shop.example"),
            (self.ingress({"ip": "10.0.0.7"}, rules=[{"host": "a.example"}]), "http://a.example"),
        ):
            self.assertEqual(ingress_address.url_of(ingress), url)

    def test_none_says_how_to_name_one(self):
        with self.assertRaises(Trouble) as trouble:
            ingress_address.url_of(self.ingress())
        self.assertIn("DOORBUSTER_URL", str(trouble.exception))

    def test_a_controller_may_come_late(self):
        answers = [self.ingress(), self.ingress({"ip": "10.0.0.7"})]
        cluster = mock.Mock()
        cluster.find.side_effect = lambda *arguments: answers.pop(0)
        with mock.patch.object(ingress_address, "POLL_SECONDS", 0):
            self.assertEqual(ingress_address.wait_for_shop_url(cluster, 10), "http://10.0.0.7")
        answers = [self.ingress()]
        with self.assertRaises(Trouble):
            ingress_address.wait_for_shop_url(cluster, -1)

    def test_what_is_set_comes_first(self):
        os.environ["CLUSTER_COMMAND"] = "cluster"
        self.assertEqual(ingress_address.shop_url(None), ingress_address.LOCAL)
        os.environ["DOORBUSTER_URL"] = "http://shop.example/"
        self.assertEqual(ingress_address.shop_url(None), "http://shop.example")


class Reached(unittest.TestCase):
    def test_troubles_say_what_to_do(self):
        refused = "The connection to the server 10.0.0.7:6443 was refused"
        for said in (refused, "error: You must be logged in to the server"):
            self.assertIn("KUBECONFIG", str(kubectl.trouble_of(said, ["get"])))
        missing = kubectl.trouble_of('Error from server (NotFound): pods "x" not found', ["get"])
        self.assertIsInstance(missing, kubectl.NotFound)

        no_rights = 'namespaces is forbidden: User "ann" cannot list resource "namespaces"'
        self.assertIn("list the cluster's", str(kubectl.trouble_of(no_rights, ["get"])))
        self.assertIn("list the cluster's", release.explain(no_rights))
        quota = 'pods "a" is forbidden: exceeded quota'
        self.assertNotIn("rights", str(kubectl.trouble_of(quota, ["create"])))

    def test_why_kubectl_could_not_be_installed(self):
        def failure_of(code, **options):
            return kubectl_program.failure_of([sys.executable, "-c", code], **options)

        self.assertEqual(failure_of("pass"), "")
        self.assertIn("took more", failure_of("import time; time.sleep(60)", seconds=0.1))
        lacking = failure_of("import sys; print('ensurepip is not available'); sys.exit(1)")
        self.assertIn("apt-get install python3-venv", lacking)
        self.assertIn("exit status 3", failure_of("import sys; sys.exit(3)"))

    def test_a_file_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            named = {"KUBECONFIG": f"{folder}/none"}
            with mock.patch.dict(os.environ, named), self.assertRaises(Trouble) as trouble:
                kubectl.cluster_access()
            self.assertIn("no such file", str(trouble.exception))
            Path(f"{folder}/none").write_text("")
            with mock.patch.dict(os.environ, named):
                self.assertEqual(kubectl.cluster_access(), {})


class Shop(http.server.BaseHTTPRequestHandler):
    """A shop that answers rightly, and what a test puts in its place."""

    ANSWERS = {
        "/api/v1/echo": (200, {"path": "/api/v1/echo"}),
        "/.well-known/jwks.json": (200, {"keys": [1]}),
        "/api/v1/products?limit=1": (200, {"products": []}),
        "/api/v1/flash-sales": (200, {}),
        "/api/v1/auth/me": (401, {"code": "token_missing"}),
    }

    def do_GET(self):
        status, body = (self.ANSWERS | self.server.others)[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments):
        pass


class Smoke(unittest.TestCase):
    def setUp(self):
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Shop)
        self.server.others = {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        patched = mock.patch.object(smoke, "PATIENCE_SECONDS", 0.1)
        patched.start()
        self.addCleanup(patched.stop)

    def smoke_test(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        return smoke.smoke_test(url)

    def test_a_shop_that_answers(self):
        self.assertGreater(self.smoke_test(), 0)

    def test_each_answer_counts(self):
        for path, answer in (
            ("/api/v1/echo", (502, {})),
            ("/api/v1/echo", (200, {"path": "/other"})),
            ("/.well-known/jwks.json", (200, {"keys": []})),
            ("/api/v1/products?limit=1", (503, {})),
            ("/api/v1/products?limit=1", (200, {})),
            ("/api/v1/flash-sales", (404, {})),
            ("/api/v1/auth/me", (200, {"role": "customer"})),
            ("/api/v1/auth/me", (403, {})),
        ):
            self.server.others = {path: answer}
            with self.subTest(path=path, answer=answer), self.assertRaises(Trouble):
                self.smoke_test()


if __name__ == "__main__":
    unittest.main()
