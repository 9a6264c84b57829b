"""The project's own rules, applied to each rendering."""

import json
from dataclasses import dataclass, replace

import yaml

from manifests import network_edges, network_rules, pod_rules, probe_rules, rendering, shop_rules
from manifests.objects import Finding, Rendering


OF_ALL_RENDERINGS = (network_rules.edges_of_nobody, shop_rules.secrets_of_nobody)


@dataclass(frozen=True)
class Context:
    """The tables that the rules compare with."""

    edges: dict
    secrets: dict
    picture: dict
    several_nodes: tuple
    plain: str = rendering.PLAIN
    rendering: Rendering = None


def context_of_project():
    folder = rendering.KUBERNETES
    combinations = yaml.safe_load(rendering.COMBINATIONS.read_text(encoding="utf-8"))
    return Context(
        edges=network_edges.read_table(),
        secrets=json.loads((folder / "secrets.yaml").read_text(encoding="utf-8")),
        picture=yaml.safe_load((folder / "picture.yaml").read_text(encoding="utf-8")),
        several_nodes=tuple(combinations.get("several_nodes") or ()),
    )


class OwnRules:
    name = "own-rules"

    def __init__(self, context, complete=True):
        """`complete` if everything could be rendered: only then is what isn't seen nowhere."""
        self._context = context
        self._complete = complete

    def run(self, renderings):
        for each in renderings:
            yield from self._graded(each)
        for rule in OF_ALL_RENDERINGS if self._complete else ():
            for subject, check, message in rule(renderings, self._context):
                yield Finding(self.name, check, subject, message)

    def _graded(self, graded):
        context = replace(self._context, rendering=graded)
        for workload in graded.workloads:
            for rule in (*pod_rules.RULES, *probe_rules.RULES):
                for check, message in rule(workload, context):
                    yield Finding(self.name, check, workload.title(), message)
        for rule in (*shop_rules.RULES, *network_rules.RULES):
            for subject, check, message in rule(graded, context):
                yield Finding(self.name, check, subject, message)
