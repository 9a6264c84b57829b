"""What the containers of a Deployment are told: its own variables, and those of ConfigMaps."""

from shop.trouble import Trouble


def settings_of(kubectl, deployment, name):
    """The numbers that its containers have as variable `name`; empty if none has one."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    told = (value_in(kubectl, deployment, container, name) for container in containers)
    return [number_of(deployment, name, value) for value in told if value is not None]


def value_in(kubectl, deployment, container, name):
    """Its own variables win over those of maps, and later ones over earlier ones."""
    for variable in reversed(container.get("env") or ()):
        if variable["name"] != name:
            continue
        source = variable.get("valueFrom")
        if not source:
            return variable.get("value", "")
        if "configMapKeyRef" not in source:
            raise not_read(deployment, name)
        reference = source["configMapKeyRef"]
        return data_of(kubectl, reference["name"]).get(reference["key"])
    for source in reversed(container.get("envFrom") or ()):
        prefix = source.get("prefix", "")
        if "configMapRef" not in source or not name.startswith(prefix):
            continue
        data = data_of(kubectl, source["configMapRef"]["name"])
        if name[len(prefix) :] in data:
            return data[name[len(prefix) :]]
    return None


def data_of(kubectl, name):
    found = kubectl.find("configmap", name)
    return (found or {}).get("data") or {}


def number_of(deployment, name, value):
    try:
        return int(value)
    except ValueError:
        raise not_read(deployment, name) from None


def not_read(deployment, name):
    where = deployment["metadata"]["name"]
    return Trouble(f"{name} of deployment/{where} can't be read: give it as a number there")
