"""Every overlay, every component alone on the plain one, and the combinations that
combinations.yaml names, rendered with `kubectl kustomize`: offline, the same for everybody."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from manifests import toolbox
from manifests.objects import Finding, Rendering

KUBERNETES = toolbox.ROOT / "infra" / "k8s"
COMBINATIONS = Path(__file__).with_name("combinations.yaml")
PLAIN = "k3s"
SCRATCH = toolbox.ROOT / "build" / "manifests"
RENDER_SECONDS_MAX = 60


@dataclass(frozen=True)
class Combination:
    overlay: str
    components: tuple = ()

    def name(self):
        return " + ".join((self.overlay, *self.components))


def combinations():
    """All there are; `alone` may name another overlay for a component that doesn't fit k3s."""
    told = yaml.safe_load(COMBINATIONS.read_text(encoding="utf-8"))
    overlays = _folders("overlays")
    components = _folders("components")
    found = [Combination(overlay) for overlay in overlays]
    alone_on = told.get("alone_on") or {}
    for component in components:
        overlay = alone_on.get(component, PLAIN)
        if component not in components_of(overlay):
            found.append(Combination(overlay, (component,)))
    for each in told.get("together") or []:
        found.append(Combination(each["overlay"], tuple(each["components"])))
    return found


def components_of(overlay):
    """Those an overlay takes in by itself; once more would be twice."""
    path = KUBERNETES / "overlays" / overlay / "kustomization.yaml"
    taken = yaml.safe_load(path.read_text(encoding="utf-8")).get("components") or []
    return {Path(each).name for each in taken}


def _folders(name):
    place = KUBERNETES / name
    if not place.is_dir():
        return []
    return sorted(path.parent.name for path in place.glob("*/kustomization.yaml"))


def render_all(wanted):
    """-> (renderings, findings): what can't be rendered is said and left out."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(_render, wanted))
    renderings = [each for each in done if isinstance(each, Rendering)]
    return renderings, [each for each in done if isinstance(each, Finding)]


def _render(combination):
    folder = KUBERNETES / "overlays" / combination.overlay
    if combination.components:
        folder = _write_kustomization(combination)
    done = subprocess.run(
        [toolbox.python_program("kubectl"), "kustomize", str(folder)],
        capture_output=True,
        text=True,
        timeout=RENDER_SECONDS_MAX,
    )
    # It warns about what will cease to work; nobody reads warnings of a command that succeeded.
    if done.returncode or done.stderr.strip():
        message = done.stderr.strip().replace(str(toolbox.ROOT) + "/", "")
        return Finding("kustomize", "renders", combination.name(), message[-1500:])
    return Rendering(combination.name(), done.stdout)


def _write_kustomization(combination):
    folder = SCRATCH / combination.name().replace(" ", "")
    folder.mkdir(parents=True)

    def relative(*parts):
        return os.path.relpath(KUBERNETES.joinpath(*parts), folder)

    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative("overlays", combination.overlay)],
        # The release comes last, so that what was added has its tag too.
        "components": [relative("components", each) for each in combination.components]
        + [relative("release")],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder
