"""Another signing key on the cluster, without a refused token: what `doorbuster keys rotate` does
with files, done with the Secret that auth mounts. Kubelets put every change into the pods."""

import base64
import json
import time
import urllib.request

from cluster.credentials import signing_key
from cluster.key_timing import FETCH_SPARE_SECONDS, TOKENS_LIVE_SECONDS, require_long_enough
from cluster.port_forward import PortForward
from cluster.signing_keys import PUBLISHED, SETTLED, keys_in, kid_of, phase_of
from shop.ports import LOOPBACK
from shop.terminal import Step, say
from shop.trouble import Trouble

SECRET = "jwt-key"
SIGNING, OTHER = "signing-key.pem", "other-key.pem"
PODS = "--selector=app.kubernetes.io/name=auth"
PORT = 8080
# Rooms fetch the keys every 30 s, caches keep them for 30 s, and some to spare.
KNOWN_EVERYWHERE_SECONDS = 75
# Rooms look every second at most.
KNOWN_EVERYWHERE_SECONDS_MIN = 1 + FETCH_SPARE_SECONDS
# What access tokens live at most; they are taken for 5 s more, and clocks may differ.
TOKEN_LIFETIME_SECONDS = TOKENS_LIVE_SECONDS
TOKEN_LIFETIME_SECONDS_MIN = 10
TOKENS_SPARE_SECONDS = 15
# A kubelet looks at mounted secrets every minute, and may see one that is a minute old.
PATIENCE_SECONDS = 300
POLL_SECONDS = 3
ANSWER_SECONDS = 5
# A kubelet looks at a pod's volumes at once when an annotation of the pod changes.
ANNOTATION = "doorbuster/keys-awaited-at"


class KeyRotation:
    """How far it has come stands in the Secret alone, so that one that was interrupted goes on
    where it was; waits begin anew then, as they count from what was seen at the pods."""

    def __init__(
        self,
        kubectl,
        *,
        known_everywhere=KNOWN_EVERYWHERE_SECONDS,
        token_lifetime=TOKEN_LIFETIME_SECONDS,
        sleep=time.sleep,
        clock=time.monotonic,
        published=None,
    ):
        self._kubectl = kubectl
        self._known_everywhere = known_everywhere
        self._token_lifetime = token_lifetime
        self._sleep = sleep
        self._clock = clock
        self._published = published or (lambda: published_by_pods(kubectl))

    def run(self):
        require_long_enough(
            self._kubectl,
            known_everywhere=self._known_everywhere,
            token_lifetime=self._token_lifetime,
        )
        signing, _ = self._kids()
        with Step("every pod of auth signs with the Secret's key"):
            self._wait(lambda kids: kids[0] == signing)
        seen = self._kids()
        if seen[0] != signing:
            raise changed_by_somebody_else()
        phase = phase_of(*seen)
        if phase == SETTLED:
            seen = self._publish_next(seen)
        else:
            how_far = "is published" if phase == PUBLISHED else "signs"
            say(f"  going on: the next key {how_far} already")
        if phase_of(*seen) == PUBLISHED:
            seen = self._switch_over(seen)
        self._retire_last(seen)

    def _publish_next(self, seen):
        fresh = signing_key()
        with Step("the next key is published"):
            return self._change(
                seen, lambda keys: {**keys, OTHER: fresh + "".join(keys_in(keys[SIGNING]))}
            )

    def _switch_over(self, seen):
        _, (fresh, _) = seen
        with Step("every pod of auth publishes it"):
            self._wait(lambda kids: fresh in kids)
        with Step("every room has fetched it"):
            self._sleep(self._known_everywhere)
        with Step("it is to sign"):
            return self._change(seen, lambda keys: {**keys, SIGNING: key_of(fresh, keys[OTHER])})

    def _retire_last(self, seen):
        signing, others = seen
        old = [kid for kid in others if kid != signing]
        with Step("every pod of auth signs with it"):
            self._wait(lambda kids: kids[0] == signing)
        with Step("tokens of the last key have expired"):
            self._sleep(self._token_lifetime + TOKENS_SPARE_SECONDS)
        with Step("the last key is retired"):
            self._change(seen, lambda keys: {name: keys[name] for name in keys if name != OTHER})
            self._wait(lambda kids: not set(old) & set(kids))

    def _wait(self, is_expected):
        """Until there are pods of auth, and all of them publish what is expected."""
        deadline = self._clock() + PATIENCE_SECONDS
        while True:
            try:
                published = self._published()
                missing = [pod for pod, kids in published.items() if not is_expected(kids)]
                why = f"not yet: {', '.join(missing)}" if published else "auth has no pods"
                if published and not missing:
                    return
                self._hurry(missing)
            except Trouble as trouble:
                why = str(trouble)
            if self._clock() > deadline:
                raise Trouble(f"{PATIENCE_SECONDS} s were not enough: {why}\n  Run it again then.")
            self._sleep(POLL_SECONDS)

    def _hurry(self, pods):
        """Whoever may not do this waits for the kubelets' next look, as before."""
        if pods:
            mark = f"{ANNOTATION}={int(time.time())}"
            self._kubectl.attempt("annotate", "pods", *pods, mark, "--overwrite")

    def _kids(self):
        return kids_of(texts_of(self._secret()))

    def _secret(self):
        found = self._kubectl.find("secret", SECRET)
        if found is None:
            raise Trouble(f"there is no Secret {SECRET}: run `make deploy`")
        return found

    def _change(self, seen, change):
        """The kids afterwards. Everything was waited for with the keys that were `seen`: nothing is
        done to other ones, and the cluster refuses it if they change after this reading of them."""
        whole = self._secret()
        keys = texts_of(whole)
        if kids_of(keys) != seen:
            raise changed_by_somebody_else()
        changed = change(keys)
        whole["data"] = {
            name: base64.b64encode(text.encode()).decode() for name, text in changed.items()
        }
        self._kubectl.run("replace", "--filename=-", input=json.dumps(whole))
        return kids_of(changed)


def changed_by_somebody_else():
    return Trouble(
        f"the Secret {SECRET} was changed meanwhile, maybe by another rotation: let that one end"
    )


def kids_of(keys):
    """Of the key that signs, and of those in the other file."""
    signing = keys_in(keys.get(SIGNING, ""))
    if len(signing) != 1:
        raise Trouble(f"{SECRET}/{SIGNING} should hold exactly one private key")
    return kid_of(signing[0]), [kid_of(one) for one in keys_in(keys.get(OTHER, ""))]


def key_of(kid, text):
    return next(key for key in keys_in(text) if kid_of(key) == kid)


def texts_of(secret):
    held = secret.get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in held.items()}


def published_by_pods(kubectl):
    """Kids by the name of each pod of auth that may answer, the key that signs first."""
    pods = kubectl.items("pods", PODS)
    running = [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]
    return {pod["metadata"]["name"]: kids_at(kubectl, pod["metadata"]["name"]) for pod in running}


def kids_at(kubectl, pod):
    with PortForward(kubectl, f"pod/{pod}", PORT) as forward:
        url = f"http://{LOOPBACK}:{forward.port}/.well-known/jwks.json"
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
                return [key["kid"] for key in json.load(answer)["keys"]]
        except (OSError, ValueError, KeyError) as error:
            raise Trouble(f"{pod} doesn't tell its keys: {error}") from None
