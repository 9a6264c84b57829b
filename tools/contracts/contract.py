"""Contracts as our tools read them: operations with their callers, problem codes and examples. The
conventions are those of contracts/README.md."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "contracts"
ENDING = ".openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
GATEWAY = "gateway"
# The LibYAML one is ten times faster; Debian's package has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

SERVICE_SCHEME = "serviceCredential"
SIGNED_SCHEME = "webhookSignature"
ADMIN_CODE = "admin_only"
CALLERS = ("anyone", "customer", "admin", "service", "signed")


@dataclass(frozen=True)
class Operation:
    """`node` is what the contract says of it, references not yet followed."""

    room: str
    method: str
    path: str
    node: dict = field(repr=False, hash=False, compare=False)
    contract: "Contract" = field(repr=False, hash=False, compare=False)

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def is_internal(self):
        return self.path.startswith("/internal/")

    @property
    def forwarded_to(self):
        """In the gateway's contract: the room that answers, or None if it does itself."""
        return self.node.get("x-room")

    @property
    def caller(self):
        """Whom the operation is for, one of CALLERS; follows from `security` and the codes."""
        security = self.node.get("security", self.contract.document.get("security", []))
        schemes = {scheme for each in security for scheme in each}
        if not schemes:
            return "anyone"
        if SERVICE_SCHEME in schemes:
            return "service"
        if SIGNED_SCHEME in schemes:
            return "signed"
        if self.forwarded_to:
            return self.node.get("x-caller")
        return "admin" if ADMIN_CODE in self.codes.get("403", ()) else "customer"

    @property
    def belongs_to_customer(self):
        """What `id` names is one customer's, and to everybody else it doesn't exist."""
        return self.node.get("x-owned-by") == "customer"

    @property
    def codes(self):
        """{status: [code]} of this operation alone."""
        return self.node.get("x-problem-codes", {})

    @cached_property
    def answerable(self):
        """{(status, code)} of all problems that the room may answer to a request of this path."""
        return pairs_of(self.codes) | self.contract.answerable_anywhere

    @property
    def responses(self):
        """{status: response}, references followed."""
        found = self.node.get("responses", {})
        return {str(status): self.contract.follow(each) for status, each in found.items()}

    @property
    def parameters(self):
        """Those of the path, too."""
        of_path = self.contract.document["paths"][self.path].get("parameters", [])
        return [self.contract.follow(each) for each in of_path + self.node.get("parameters", [])]

    @property
    def request_body(self):
        return self.contract.follow(self.node.get("requestBody", {}))

    def example_of_request(self):
        """The first JSON example of the request's body; None if it takes none."""
        media = self.request_body.get("content", {}).get("application/json")
        examples = self.contract.examples(media) if media else []
        return examples[0] if examples else None

    @cached_property
    def path_pattern(self):
        return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path)))


class Contract:
    def __init__(self, room, text):
        self.room = room
        self.text = text
        self.document = yaml.load(text, LOADER)
        self.operations = [
            Operation(room, method.upper(), path, lines[method], self)
            for path, lines in self.document.get("paths", {}).items()
            for method in METHODS
            if method in lines
        ]

    @classmethod
    def read(cls, room, folder=FOLDER):
        return cls(room, (folder / f"{room}{ENDING}").read_text(encoding="utf-8"))

    @cached_property
    def answerable_anywhere(self):
        """{(status, code)} of what the HTTP layer answers before it knows the operation."""
        return pairs_of(self.document.get("x-problem-codes", {}))

    @property
    def version(self):
        """(major, minor, patch)"""
        return tuple(int(part) for part in str(self.document["info"]["version"]).split("."))

    def follow(self, node):
        """What a reference within this file points to; the node itself if it is none."""
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def examples(self, media):
        """Those of a media type, or else of its schema."""
        schema = self.follow(media.get("schema", {}))
        if "example" in media:
            return [media["example"]]
        if "examples" in media:
            return [self.follow(each)["value"] for each in media["examples"].values()]
        if "example" in schema:
            return [schema["example"]]
        return list(schema.get("examples", []))

    def find(self, method, path):
        """The operation that a request is for; literal paths win over those with parameters."""
        return next(
            (
                each
                for each in sorted(self.operations, key=lambda one: one.path.count("{"))
                if each.method in ("GET" if method == "HEAD" else method, method)
                and each.path_pattern.fullmatch(path)
            ),
            None,
        )


def pairs_of(codes):
    """{(status, code)} of what x-problem-codes holds."""
    return {(int(status), code) for status, listed in codes.items() for code in listed}


def contract_files(folder=FOLDER):
    return sorted(folder.glob(f"*{ENDING}"))


def room_names(folder=FOLDER):
    return [path.name.removesuffix(ENDING) for path in contract_files(folder)]


def read_all(folder=FOLDER):
    """{room: Contract}"""
    return {room: Contract.read(room, folder) for room in room_names(folder)}
