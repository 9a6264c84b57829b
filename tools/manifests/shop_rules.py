"""Rules for everything that was rendered together."""

from manifests import quantities
from manifests.network_edges import selects
from manifests.objects import inside, title_of
from manifests.references import references_of

# What a k3s node of two cores has left for the shop beside k3s itself and the ingress controller.
CPU_REQUESTS_MAX = 1.4
NAMESPACED_EXCEPT = {"Namespace", "PersistentVolume", "StorageClass"}
NAMESPACE = "ecommerce"
COMPONENT_LABEL = "app.kubernetes.io/component"
NEVER = {"Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def cpu_requests(rendering, context):
    if rendering.name.split(" + ")[0] in context.several_nodes:
        return
    parts = {each.title(): _cpu_of(each, rendering) for each in rendering.workloads}
    total = sum(parts.values())
    if total > CPU_REQUESTS_MAX:
        largest = sorted(parts, key=parts.get, reverse=True)[:4]
        told = ", ".join(f"{name} {parts[name]:.3f}" for name in largest)
        yield rendering.name, "cpu-requests", f"{total:.3f} cores ({told}), > {CPU_REQUESTS_MAX}"


def _cpu_of(workload, rendering):
    def of(containers):
        requests = [inside(each, "resources", "requests", "cpu") or 0 for each in containers or []]
        return [quantities.parse(each) for each in requests]

    pod = max(sum(of(workload.spec["containers"])), *of(workload.spec.get("initContainers")), 0)
    if workload.kind in ("Job", "CronJob"):
        return pod
    return pod * (rendering.pods_of(workload) + _surge(workload, rendering))


def _surge(workload, rendering):
    """Rounded up, as Kubernetes does it."""
    if workload.kind != "Deployment":
        return 0
    strategy = workload.manifest["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    surge = inside(strategy, "rollingUpdate", "maxSurge")
    surge = "25%" if surge is None else surge
    if isinstance(surge, str):
        return -(-rendering.pods_of(workload) * int(surge.rstrip("%")) // 100)
    return surge


def budgets(rendering, _):
    all_budgets = rendering.of("PodDisruptionBudget")
    for workload in rendering.workloads:
        if not workload.is_long_running():
            continue
        pods = rendering.pods_of(workload)
        title = workload.title()
        mine = [b for b in all_budgets if selects(b["spec"].get("selector") or {}, workload.labels)]
        if pods > 1 and len(mine) != 1:
            yield title, "disruption-budget", f"has {pods} pods and {len(mine)} budgets"
        if pods == 1 and mine and workload.kind == "StatefulSet":
            yield title, "disruption-budget", "one pod and a budget, which only hinders a drain"
        for budget in mine:
            left = budget["spec"].get("minAvailable", 0)
            if budget["spec"].get("maxUnavailable", 1) == 0 or left in (pods, "100%"):
                yield title, "disruption-budget", "its budget never lets a pod go"
        if pods > 1 and not workload.spec.get("topologySpreadConstraints"):
            if not inside(workload.spec, "affinity", "podAntiAffinity"):
                yield title, "spread", "its pods may all be on one node of several"


def autoscalers(rendering, context):
    """Manifests of rooms say no number of pods: without an autoscaler it would be one."""
    if rendering.name != context.plain:
        return
    targets = [each["spec"]["scaleTargetRef"] for each in rendering.of("HorizontalPodAutoscaler")]
    scaled = {f"{each['kind']}/{each['name']}" for each in targets}
    for workload in rendering.workloads:
        if workload.labels.get(COMPONENT_LABEL) == "room" and workload.title() not in scaled:
            yield workload.title(), "autoscaler", "a room that no HorizontalPodAutoscaler scales"


def policies(rendering, _):
    all_policies = rendering.of("NetworkPolicy")
    if not any(_denies_all(each) for each in all_policies):
        yield rendering.name, "default-deny", "no policy denies every pod what isn't allowed"
    for workload in rendering.pods():
        own = [
            each
            for each in all_policies
            if each["spec"].get("podSelector")
            and selects(each["spec"]["podSelector"], workload.labels)
        ]
        if not own:
            yield workload.title(), "policy", "no NetworkPolicy of its own selects its pods"


def _denies_all(policy):
    spec = policy["spec"]
    return (
        not spec.get("podSelector")
        and set(spec.get("policyTypes") or []) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )


def objects(rendering, _):
    for each in rendering.manifests:
        title, metadata = title_of(each), each["metadata"]
        if each["kind"] in NEVER:
            yield title, "never", "secrets are made by `make deploy`, rights aren't needed at all"
        if each["kind"] not in NAMESPACED_EXCEPT and metadata.get("namespace") != NAMESPACE:
            yield title, "namespace", f"isn't in the namespace {NAMESPACE}"
    levels = [
        inside(each, "metadata", "labels", "pod-security.kubernetes.io/enforce")
        for each in rendering.of("Namespace")
    ]
    if levels != ["restricted"]:
        yield f"Namespace/{NAMESPACE}", "pod-security", "doesn't enforce the level restricted"


def cluster_secrets(rendering, context):
    """CloudNativePG takes two keys of a Secret by their fixed names."""
    for cluster in rendering.of("Cluster"):
        name = inside(cluster, "spec", "bootstrap", "initdb", "secret", "name")
        for key in ("username", "password"):
            if key not in context.secrets.get(name, {}).get("keys", {}):
                yield title_of(cluster), "secret-key", f"Secret {name} has no key {key}"


def secrets_of_nobody(renderings, context):
    """Pods for which a secret is, and which don't take it anywhere."""
    taken = {
        (each.name, workload.pod_name())
        for rendering in renderings
        for workload in rendering.workloads
        for each in references_of(workload)
        if each.kind == "Secret"
    }
    for name, described in context.secrets.items():
        for pod in described["pods"]:
            if (name, pod) not in taken:
                yield f"Secret/{name}", "secret-unused", f"{pod} doesn't take it: see secrets.yaml"


def services(rendering, _):
    """The arrows of the picture from a Service to its pods, and that no two are mixed up."""
    for service in rendering.of("Service"):
        selector = dict(service["spec"].get("selector") or {})
        pod = selector.pop("statefulset.kubernetes.io/pod-name", None)
        chosen = [
            each
            for each in rendering.pods()
            if each.namespace == service["metadata"].get("namespace", "default")
            and selects({"matchLabels": selector}, each.labels)
            and (pod is None or _has_pod(each, pod, rendering))
        ]
        wanted = {each.title() for each in chosen}
        if len(wanted) != 1:
            told = ", ".join(sorted(wanted)) or "nothing"
            yield title_of(service), "selector", f"must lead to pods of one workload, not {told}"
    names = [each.pod_name() for each in rendering.pods()]
    for workload in rendering.pods():
        if names.count(workload.pod_name()) > 1:
            yield workload.title(), "pod-name", "its pods have another workload's name label"


def _has_pod(workload, pod, rendering):
    if not workload.title().startswith("StatefulSet/"):
        return False
    pods = rendering.pods_of(workload)
    return pod in {f"{workload.name}-{ordinal}" for ordinal in range(pods)}


def picture(rendering, context):
    """Every box is there. Only the overlay for one plain node must have them all as they are."""
    if rendering.name != context.plain:
        return
    found = {title_of(each): each for each in rendering.manifests}
    found |= {f"Secret/{name}": {} for name in context.secrets}
    workloads = {each.title(): each for each in rendering.workloads}
    for box in context.picture["boxes"]:
        title = box["object"]
        if title not in found:
            yield title, "picture", f"the box `{box['box']}` is missing"
            continue
        workload = workloads.get(title)
        if rendering.pods_of(workload) < box["pods"] if "pods" in box else False:
            yield title, "picture", f"`{box['box']}` needs {box['pods']} pods"
        claims = inside(found[title], "spec", "volumeClaimTemplates") or []
        if "claim" in box and box["claim"] not in [each["metadata"]["name"] for each in claims]:
            yield title, "picture", f"`{box['box']}` has no volume claim {box['claim']}"
        used = {f"{each.kind}/{each.name}" for each in references_of(workload)} if workload else {}
        for missing in set(box.get("uses", ())) - set(used):
            yield title, "picture", f"`{box['box']}` isn't given {missing}"


RULES = (cpu_requests, budgets, autoscalers, policies, objects, cluster_secrets, services, picture)
