"""Violations, as (what, change of the faultless shop, the check that must find it)."""

DOOR, STORE = "Deployment/door", "StatefulSet/store"


def _labels(shop, title):
    return shop[title]["spec"]["template"]["metadata"]["labels"]


def _policy(shop, name):
    return shop[f"NetworkPolicy/{name}"]["spec"]


def _environment_secret(shop):
    source = {"secretKeyRef": {"name": "common", "key": "word"}}
    shop.container(DOOR)["env"] = [{"name": "WORD", "valueFrom": source}]


def _secret_item(shop):
    return shop.pod(DOOR)["volumes"][0]["projected"]["sources"][0]["secret"]


def _liveness(command):
    def change(shop):
        shop.container(STORE)["livenessProbe"]["exec"]["command"] = command

    return change


def _liveness_script(line):
    def change(shop):
        shop["ConfigMap/scripts"]["data"]["alive.sh"] += line + "\n"

    return change


def _budget_for_store(shop):
    selector = {"matchLabels": {"app.kubernetes.io/name": "store"}}
    shop.all.append(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "store", "namespace": "ecommerce"},
            "spec": {"maxUnavailable": 1, "selector": selector},
        }
    )


def _object(kind, **fields):
    def change(shop):
        metadata = {"name": "planted", "namespace": "ecommerce"}
        shop.all.append({"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields})

    return change


def _scaler(pods):
    def change(shop):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "door"}
        shop[DOOR]["spec"].pop("replicas")
        shop.all.append(
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "door", "namespace": "ecommerce"},
                "spec": {"scaleTargetRef": target, "minReplicas": pods, "maxReplicas": 20},
            }
        )

    return change


def _room(shop):
    _labels(shop, DOOR)["app.kubernetes.io/component"] = "room"


def _room_with_scaler_of_another(shop):
    _room(shop)
    _scaler(2)(shop)
    shop.all[-1]["spec"]["scaleTargetRef"]["name"] = "dor"


def _same_name(shop):
    _labels(shop, STORE)["app.kubernetes.io/name"] = "door"


POD_RULES = [
    ("no CPU request", lambda s: s.container(DOOR)["resources"]["requests"].pop("cpu"),
     "resources"),
    ("no memory limit", lambda s: s.container(DOOR)["resources"]["limits"].pop("memory"),
     "resources"),
    ("no disk limit",
     lambda s: s.container(DOOR)["resources"]["limits"].pop("ephemeral-storage"), "resources"),
    ("no disk request",
     lambda s: s.container(DOOR)["resources"]["requests"].pop("ephemeral-storage"), "resources"),
    ("an init container without resources",
     lambda s: s.pod(DOOR).update(initContainers=[{"name": "a", "image": "a:1"}]), "resources"),
    ("a limit below its request",
     lambda s: s.container(DOOR)["resources"]["limits"].update(memory="8Mi"), "resources"),
    ("a CPU limit", lambda s: s.container(DOOR)["resources"]["limits"].update(cpu=1), "cpu-limit"),
    ("a token", lambda s: s.pod(DOOR).pop("automountServiceAccountToken"),
     "service-account-token"),
    ("an account", lambda s: s.pod(DOOR).update(serviceAccountName="a"), "service-account-token"),
    ("a projected token", lambda s: s.pod(DOOR)["volumes"][0]["projected"]["sources"].append(
        {"serviceAccountToken": {"path": "token"}}), "service-account-token"),
    ("links of Services", lambda s: s.pod(DOOR).pop("enableServiceLinks"), "service-links"),
    ("the tag latest", lambda s: s.container(DOOR).update(image="a/b:latest"), "image-tag"),
    ("no tag", lambda s: s.container(DOOR).update(image="registry:5000/b"), "image-tag"),
    ("pulled always", lambda s: s.container(DOOR).update(imagePullPolicy="Always"), "image-pull"),
    ("no label of the project", lambda s: _labels(s, DOOR).pop("app.kubernetes.io/part-of"),
     "labels"),
    ("a selector that will change",
     lambda s: s[DOOR]["spec"]["selector"]["matchLabels"].update(version="1"), "labels"),
    ("a Secret of nobody", lambda s: _secret_item(s).update(name="mistyped"), "secret-key"),
    ("a key of nobody", lambda s: _secret_item(s)["items"][0].update(key="wrod"), "secret-key"),
    ("a secret of others", lambda s: _secret_item(s).update(name="inner"), "secret-pod"),
    ("a secret that isn't taken", lambda s: s.pod(DOOR).pop("volumes"), "secret-unused"),
    ("a key that may be absent", lambda s: _secret_item(s)["items"][0].update(key="other"),
     "secret-key"),
    ("a secret in the environment", _environment_secret, "secret-environment"),
    ("secrets that all may read",
     lambda s: s.pod(DOOR)["volumes"][0]["projected"].update(defaultMode=0o444), "secret-mode"),
    ("secrets with the default mode",
     lambda s: s.pod(DOOR)["volumes"][0]["projected"].pop("defaultMode"), "secret-mode"),
    ("no such ConfigMap",
     lambda s: s.container(DOOR).update(envFrom=[{"configMapRef": {"name": "a"}}]),
     "configuration-key"),
    ("no such key", lambda s: s.pod(STORE)["volumes"][0]["configMap"].update(
        items=[{"key": "a", "path": "a"}]), "configuration-key"),
]  # fmt: skip

PROBE_RULES = [
    ("no readiness", lambda s: s.container(DOOR).pop("readinessProbe"), "probes"),
    ("no liveness", lambda s: s.container(STORE).pop("livenessProbe"), "probes"),
    ("equal probes", lambda s: s.container(DOOR)["livenessProbe"]["httpGet"].update(
        path="/readyz"), "probes-equal"),
    ("liveness of another host", lambda s: s.container(DOOR)["livenessProbe"]["httpGet"].update(
        host="store"), "liveness-neighbour"),
    ("liveness of another port", lambda s: s.container(DOOR)["livenessProbe"]["httpGet"].update(
        port=5432), "liveness-neighbour"),
    ("a command asks a neighbour", _liveness(["wget", "http://door:8080/"]), "liveness-neighbour"),
    ("by its long name", _liveness(["ping", "door.ecommerce.svc.cluster.local"]),
     "liveness-neighbour"),
    ("by a pod's name", _liveness(["ping", "store-0.store"]), "liveness-neighbour"),
    ("a script asks a neighbour", _liveness_script("wget -q http://door:8080/"),
     "liveness-neighbour"),
    ("by a variable", lambda s: (_liveness_script('ping "$HOST"')(s), s.container(STORE).update(
        env=[{"name": "HOST", "value": "door:8080"}])), "liveness-neighbour"),
]  # fmt: skip

SHOP_RULES = [
    ("too much CPU", lambda s: s[DOOR]["spec"].update(replicas=12), "cpu-requests"),
    ("too much CPU with the surge", lambda s: s[DOOR]["spec"].update(
        replicas=10, strategy={"rollingUpdate": {"maxSurge": 3}}), "cpu-requests"),
    ("too much CPU by the autoscaler", _scaler(12), "cpu-requests"),
    ("no budget", lambda s: s.remove("PodDisruptionBudget/door"), "disruption-budget"),
    ("a budget for one pod", _budget_for_store, "disruption-budget"),
    ("a budget for the wrong pods", lambda s: s["PodDisruptionBudget/door"]["spec"]["selector"][
        "matchLabels"].update({"app.kubernetes.io/name": "dor"}), "disruption-budget"),
    ("a budget that lets no pod go", lambda s: s["PodDisruptionBudget/door"].update(
        spec={**s["PodDisruptionBudget/door"]["spec"], "maxUnavailable": 0}), "disruption-budget"),
    ("a room without an autoscaler", _room, "autoscaler"),
    ("a room with another's", _room_with_scaler_of_another, "autoscaler"),
    ("pods on one node", lambda s: (s.pod(DOOR).pop("topologySpreadConstraints"),
                                    s.pod(DOOR).pop("affinity")), "spread"),
    ("no default", lambda s: s.remove("NetworkPolicy/default-deny"), "default-deny"),
    ("a default for one direction", lambda s: _policy(s, "default-deny").update(
        policyTypes=["Ingress"]), "default-deny"),
    ("no policy", lambda s: s.remove("NetworkPolicy/store"), "policy"),
    ("a Secret", _object("Secret", data={"word": "b3BlbiBzZXNhbWU="}), "never"),
    ("a role", _object("Role"), "never"),
    ("another namespace", lambda s: s["Service/door"]["metadata"].update(namespace="default"),
     "namespace"),
    ("Pod Security off", lambda s: s["Namespace/ecommerce"]["metadata"].pop("labels"),
     "pod-security"),
    ("a key that CloudNativePG misses", _object("Cluster", spec={"bootstrap": {"initdb": {
        "secret": {"name": "common"}}}}), "secret-key"),
    ("a Service of nothing", lambda s: s["Service/door"]["spec"].update(selector={"a": "b"}),
     "selector"),
    ("a Service of a pod that isn't", lambda s: s["Service/store"]["spec"]["selector"].update(
        {"statefulset.kubernetes.io/pod-name": "store-1"}), "selector"),
    ("a Service of two", lambda s: s["Service/door"]["spec"].update(
        selector={"app.kubernetes.io/part-of": "doorbuster"}), "selector"),
    ("two with one name", _same_name, "pod-name"),
    ("a box less", lambda s: s.remove(STORE), "picture"),
    ("a box with too few pods", lambda s: s[DOOR]["spec"].update(replicas=1), "picture"),
    ("a box without its volume", lambda s: s[STORE]["spec"].pop("volumeClaimTemplates"),
     "picture"),
    ("a box without its secret", lambda s: s.pod(DOOR).pop("volumes"), "picture"),
]  # fmt: skip

NETWORK_RULES = [
    ("an edge that all pods have", lambda s: (
        _policy(s, "store").update(ingress=[{"from": [{"podSelector": {}}]}]),
        _policy(s, "reaches-store").update(podSelector={})), "edge-open"),
    ("a door for strangers", lambda s: _policy(s, "door")["ingress"][0]["from"][0].update(
        namespaceSelector={}), "edge-open"),
    ("a way out", lambda s: _policy(s, "dns")["egress"].append(
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}), "edge-open"),
    ("every port", lambda s: _policy(s, "door")["ingress"][0].pop("ports"), "edge-open"),
    ("a label too many", lambda s: _labels(s, STORE).update(
        {"reaches.doorbuster/store": "yes"}), "edge-open"),
    ("a label less", lambda s: _labels(s, DOOR).pop("reaches.doorbuster/store"), "edge-closed"),
    ("no way out to it", lambda s: s.remove("NetworkPolicy/reaches-store"), "edge-closed"),
    ("another port", lambda s: _policy(s, "store")["ingress"][0]["ports"][0].update(port=5433),
     "edge-closed"),
    ("another protocol", lambda s: _policy(s, "dns")["egress"][0]["ports"][0].update(
        protocol="TCP"), "edge-closed"),
    ("a policy elsewhere", lambda s: s["NetworkPolicy/store"]["metadata"].update(
        namespace="default"), "edge-closed"),
    ("an edge of nobody", lambda s: s.remove(STORE), "edge-nowhere"),
]  # fmt: skip

BY_OWN_RULES = POD_RULES + PROBE_RULES + SHOP_RULES + NETWORK_RULES

BY_GRADER = {
    "kubeconform": [
        ("an unknown field", lambda s: s.pod(DOOR).update(securityContex={}), "schema"),
        ("a wrong type", lambda s: s[DOOR]["spec"].update(replicas="two"), "schema"),
        ("an unknown kind", _object("Deploiment"), "schema"),
        ("an unknown field of CloudNativePG", _object(
            "Cluster", apiVersion="postgresql.cnpg.io/v1",
            spec={"instances": 3, "storage": {"size": "1Gi"}, "instancess": 3}), "schema"),
        ("an unknown field of its object store", _object(
            "ObjectStore", apiVersion="barmancloud.cnpg.io/v1",
            spec={"configuration": {"destinationPath": "s3://a", "endpoint": "b"}}), "schema"),
    ],
    "pod-security": [
        ("a root", lambda s: s.pod(DOOR)["securityContext"].pop("runAsNonRoot"), "restricted"),
        ("rights to gain", lambda s: s.container(DOOR)["securityContext"].pop(
            "allowPrivilegeEscalation"), "restricted"),
        ("no seccomp", lambda s: s.pod(STORE)["securityContext"].pop("seccompProfile"),
         "restricted"),
        ("a folder of the host", lambda s: s.pod(STORE)["volumes"].append(
            {"name": "host", "hostPath": {"path": "/"}}), "restricted"),
    ],
    "kube-score": [
        ("no probes", lambda s: (s.container(DOOR).pop("readinessProbe"),
                                 s.container(DOOR).pop("livenessProbe")), "pod-probes"),
        ("no budget", lambda s: s.remove("PodDisruptionBudget/door"),
         "deployment-has-poddisruptionbudget"),
        ("a file system to write", lambda s: s.container(DOOR)["securityContext"].pop(
            "readOnlyRootFilesystem"), "container-security-context-readonlyrootfilesystem"),
    ],
}  # fmt: skip
