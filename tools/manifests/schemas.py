"""JSON schemas for kubeconform, on disk so that it needs no network: those of Kubernetes as the
package kubernetes-validate ships them, and CloudNativePG's from its custom resource definitions."""

import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

import yaml

from manifests import toolbox

# The version that the project is run on here, and the oldest that it promises to run on.
KUBERNETES_VERSIONS = ("1.34.0", "1.29.0")
SCHEMAS = toolbox.FOLDER / "schemas"
KUBERNETES = SCHEMAS / "kubernetes"
CUSTOM = SCHEMAS / "custom"
DEFINITIONS = "/api/_definitions.json"


def provide(kinds):
    """Writes those of (apiVersion, kind) that are missing; kubeconform says which don't exist."""
    stamp = SCHEMAS / "made-from"
    made_by = Path(__file__).read_bytes() + toolbox.REQUIREMENTS.read_bytes()
    wanted = hashlib.sha256(made_by + toolbox.CRDS_VERSION.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(SCHEMAS, ignore_errors=True)
        CUSTOM.mkdir(parents=True)
        stamp.write_text(wanted)
    for version in KUBERNETES_VERSIONS:
        _Kubernetes(version).provide(kinds)


def provide_custom(crds):
    """`crds` is a folder of custom resource definitions."""
    for path in sorted(crds.glob("*.yaml")):
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for crd in yaml.load_all(path.read_text(encoding="utf-8"), loader):
            for version in crd["spec"]["versions"]:
                names = (crd["spec"]["names"]["kind"].lower(), crd["spec"]["group"].split(".")[0])
                target = CUSTOM / f"{'-'.join(names)}-{version['name']}.json"
                schema = version["schema"]["openAPIV3Schema"]
                target.write_text(json.dumps(_closed(schema, top=True)), encoding="utf-8")
                if names[0] == "cluster":
                    _write_object_store(schema)


def _write_object_store(cluster):
    """The Barman Cloud plugin's own definition can't be had as a Go module, but what it configures
    is what a Cluster used to say itself, and still may."""
    backup = cluster["properties"]["spec"]["properties"]["backup"]["properties"]
    text = {"type": "string"}
    properties = {"configuration": backup["barmanObjectStore"], "retentionPolicy": text}
    properties["instanceSidecarConfiguration"] = {"type": "object"}
    spec = {"type": "object", "properties": properties, "required": ["configuration"]}
    top = {"apiVersion": text, "kind": text, "metadata": {}, "spec": spec}
    schema = {"type": "object", "properties": top, "required": ["spec"]}
    target = CUSTOM / "objectstore-barmancloud-v1.json"
    target.write_text(json.dumps(_closed(schema, top=True)), encoding="utf-8")


class _Kubernetes:
    def __init__(self, version):
        package = resources.files("kubernetes_validate") / "kubernetes-json-schema"
        self._source = package / f"v{version}-local-strict"
        self._folder = KUBERNETES / f"v{version}-standalone-strict"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._definitions = None

    def provide(self, kinds):
        for api_version, kind in sorted(kinds):
            group, _, version = api_version.rpartition("/")
            parts = [kind.lower(), *([group.split(".")[0]] if group else []), version]
            name = "-".join(parts) + ".json"
            target, source = self._folder / name, self._source / name
            if not target.exists() and source.is_file():
                target.write_text(json.dumps(self._standalone(source)), encoding="utf-8")

    def _standalone(self, source):
        """With the definitions that it refers to inside, as the program reads one file a kind."""
        if self._definitions is None:
            text = (self._source / "_definitions.json").read_text(encoding="utf-8")
            self._definitions = json.loads(text)["$defs"]
        schema = json.loads(source.read_text(encoding="utf-8"))
        schema.pop("$id", None)
        needed, open_ends = {}, [schema]
        while open_ends:
            for name in _localize(open_ends.pop()):
                if name not in needed:
                    needed[name] = json.loads(json.dumps(self._definitions[name]))
                    open_ends.append(needed[name])
        schema["$defs"] = needed
        return schema


def _localize(value):
    """Makes references local to the file; yields the names of what they refer to."""
    if isinstance(value, list):
        for each in value:
            yield from _localize(each)
    elif isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            value["$ref"] = reference.removeprefix(DEFINITIONS)
            yield reference.rpartition("/")[2]
        for each in value.values():
            yield from _localize(each)


def _closed(schema, top=False):
    """As strict as a server that refuses unknown fields, and with Kubernetes' extensions of JSON
    Schema said in plain JSON Schema."""
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if schema.pop("x-kubernetes-int-or-string", False):
        schema.pop("type", None)
        schema["oneOf"] = [{"type": "string"}, {"type": "integer"}]
    keeps_unknown = schema.pop("x-kubernetes-preserve-unknown-fields", False)
    for keyword in ("properties", "patternProperties"):
        if keyword in schema:
            schema[keyword] = {k: _closed(each) for k, each in schema[keyword].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            schema[keyword] = _closed(schema[keyword])
    # The server itself checks metadata, whose schema a definition leaves open.
    closes = "properties" in schema and "additionalProperties" not in schema
    if closes and not keeps_unknown:
        schema["additionalProperties"] = False
    if top:
        schema["properties"]["metadata"] = {"type": "object"}
    return schema
