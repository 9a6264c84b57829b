"""A change of signing keys on a cluster of one Secret and some pods, which is played here."""

import base64
import json
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster import key_rotation  # noqa: E402
from cluster.credentials import signing_key  # noqa: E402
from cluster.signing_keys import keys_in, kid_of, phase_of  # noqa: E402
from shop.trouble import Trouble  # noqa: E402


KNOWN_EVERYWHERE = key_rotation.KNOWN_EVERYWHERE_SECONDS
TOKENS_EXPIRED = key_rotation.TOKEN_LIFETIME_SECONDS + key_rotation.TOKENS_SPARE_SECONDS
KID_OF_BASE_POINT = "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M"


class Interrupted(Exception):
    pass


def deployment(name, told):
    """Variables given as text, or as where they come from."""
    env = [
        {"name": each, **({"value": value} if isinstance(value, str) else {"valueFrom": value})}
        for each, value in told.items()
    ]
    container = {"name": "room", "envFrom": [{"configMapRef": {"name": "common"}}], "env": env}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [container]}}}}


class Cluster:
    """Its pods take a change over when time passes."""

    def __init__(self, pods=2):
        self.secret = {"metadata": {"name": "jwt-key"}, "data": {}}
        self.put({"signing-key.pem": signing_key()})
        self.pods = {f"auth-{number}": self.kids() for number in range(pods)}
        self.history = [self.kids()]
        self.now = 0.0
        self.waits = []
        self.stuck = False
        self.interrupt_at = None
        self.hurried = []
        self.told = {"auth": {}, "gateway": {}, "product": {}, "order": {}, "echo": {}}
        self.common = {}
        self.rivals = {}  # what somebody else does while that many seconds are waited

    def put(self, keys):
        self.secret["data"] = {
            name: base64.b64encode(text.encode()).decode() for name, text in keys.items()
        }

    def kids(self):
        keys = key_rotation.texts_of(self.secret)
        texts = keys_in(keys["signing-key.pem"]) + keys_in(keys.get("other-key.pem", ""))
        return list(dict.fromkeys(kid_of(text) for text in texts))

    # -- kubectl -------------------------------------------------------------------------------

    def items(self, kind):
        assert kind == "deployments", kind
        return [deployment(name, env) for name, env in self.told.items()]

    def find(self, kind, name):
        if kind == "configmap":
            return {"data": self.common} if name == "common" else None
        assert (kind, name) == ("secret", "jwt-key"), (kind, name)
        return json.loads(json.dumps(self.secret))

    def run(self, *arguments, input):
        self.secret = json.loads(input)
        self.history.append(self.kids())

    def attempt(self, *arguments):
        assert arguments[:2] == ("annotate", "pods"), arguments
        self.hurried.append(arguments[2:-2])

    # -- time and pods -------------------------------------------------------------------------

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)
        if self.interrupt_at and self.now >= self.interrupt_at:
            self.interrupt_at = None
            raise Interrupted
        self.rivals.pop(seconds, lambda: None)()
        if not self.stuck:
            self.pods = {name: self.kids() for name in self.pods}

    def texts(self):
        return key_rotation.texts_of(self.secret)

    def rotation(self, published=None, **waits):
        published = published or (lambda: self.pods)
        return key_rotation.KeyRotation(
            self, sleep=self.sleep, clock=lambda: self.now, published=published, **waits
        )


class Rotation(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.first = self.cluster.kids()

    def assert_rotated(self):
        last = self.cluster.kids()
        self.assertEqual(len(last), 1)
        self.assertNotEqual(last, self.first)
        self.assertEqual(set(map(tuple, self.cluster.pods.values())), {tuple(last)})

    def test_publishes_then_switches_then_retires(self):
        self.cluster.rotation().run()
        self.assert_rotated()
        (old,), (new,) = self.first, self.cluster.kids()
        self.assertEqual(self.cluster.history, [[old], [old, new], [new, old], [new]])

    def test_waits_for_rooms_before_it_signs_and_for_tokens_before_it_retires(self):
        self.cluster.rotation().run()
        long_waits = [wait for wait in self.cluster.waits if wait > key_rotation.POLL_SECONDS]
        self.assertEqual(long_waits, [KNOWN_EVERYWHERE, TOKENS_EXPIRED])
        self.assertEqual(TOKENS_EXPIRED, 615)

    def test_waits_as_long_as_it_is_told(self):
        for room in ("gateway", "product", "order"):
            self.cluster.told[room]["TOKEN_KEYS_REFRESH_MS"] = "1001"
        self.cluster.told["auth"]["ACCESS_TOKEN_LIFETIME_S"] = "10"
        self.cluster.rotation(known_everywhere=7, token_lifetime=10).run()
        long_waits = [wait for wait in self.cluster.waits if wait > key_rotation.POLL_SECONDS]
        self.assertEqual(long_waits, [7, 10 + key_rotation.TOKENS_SPARE_SECONDS])
        self.assert_rotated()

    def assert_refuses(self, why, **waits):
        with self.assertRaisesRegex(Trouble, why):
            self.cluster.rotation(**waits).run()
        self.assertEqual(self.cluster.history, [self.first])
        self.assertEqual(self.cluster.waits, [])

    def test_waits_no_shorter_than_what_rooms_have_unless_told_otherwise(self):
        self.assert_refuses("auth's access tokens live for 600 s", token_lifetime=599)
        self.assert_refuses("gateway fetches auth's keys every 30000 ms", known_everywhere=33)
        self.cluster.rotation(known_everywhere=34).run()
        self.assert_rotated()

    def test_waits_no_shorter_than_what_rooms_are_told(self):
        self.cluster.told["auth"]["ACCESS_TOKEN_LIFETIME_S"] = "60"
        self.assert_refuses("live for 60 s .* give at least 60", token_lifetime=59)
        self.cluster.told["order"]["TOKEN_KEYS_REFRESH_MS"] = "600000"
        self.assert_refuses("order fetches auth's keys .* give at least 604")
        self.cluster.told["order"] = {}
        self.cluster.told["echo"]["TOKEN_KEYS_REFRESH_MS"] = "72000"
        self.assert_refuses("echo fetches auth's keys .* give at least 76")
        self.cluster.told["echo"] = {}
        self.cluster.rotation(token_lifetime=60).run()
        self.assert_rotated()

    def test_reads_what_rooms_are_told_by_maps(self):
        self.cluster.common["TOKEN_KEYS_REFRESH_MS"] = "120000"
        self.assert_refuses("echo fetches auth's keys every 120000 ms")
        for room in self.cluster.told.values():
            room["TOKEN_KEYS_REFRESH_MS"] = "1000"  # its own wins
        self.cluster.common["LIFETIME"] = "300"
        source = {"configMapKeyRef": {"name": "common", "key": "LIFETIME"}}
        self.cluster.told["auth"]["ACCESS_TOKEN_LIFETIME_S"] = source
        self.assert_refuses("live for 300 s", token_lifetime=299)
        self.cluster.rotation(known_everywhere=5, token_lifetime=300).run()
        self.assert_rotated()

    def test_does_not_guess_what_it_cannot_read(self):
        for told in ({"secretKeyRef": {"name": "some", "key": "one"}}, "soon"):
            self.cluster.told["auth"]["ACCESS_TOKEN_LIFETIME_S"] = told
            self.assert_refuses("ACCESS_TOKEN_LIFETIME_S of deployment/auth can't be read")

    def test_asks_kubelets_for_the_pods_that_do_not_follow(self):
        self.cluster.rotation().run()
        both = tuple(self.cluster.pods)
        self.assertEqual(set(self.cluster.hurried), {both})
        self.setUp()
        self.cluster.pods["auth-1"] = ["another"]
        self.cluster.rotation().run()
        self.assertEqual(self.cluster.hurried[0], ("auth-1",))

    def test_goes_on_wherever_it_was_interrupted(self):
        for moment in (1, 30, 80, 90, 400, 690):
            with self.subTest(moment=moment):
                self.setUp()
                self.cluster.interrupt_at = moment
                try:
                    self.cluster.rotation().run()
                    self.fail("it was to be interrupted")
                except Interrupted:
                    pass
                self.cluster.rotation().run()
                self.assert_rotated()
                self.assertLessEqual(len(self.cluster.history), 4, "no key too many was made")

    def test_gives_up_before_it_harms_when_pods_do_not_follow(self):
        self.cluster.stuck = True
        with self.assertRaises(Trouble):
            self.cluster.rotation().run()
        self.assertEqual(len(self.cluster.history), 2, "published, and nothing more")
        self.cluster.stuck = False
        self.cluster.rotation().run()
        self.assert_rotated()

    def assert_refused_by_a_change(self):
        with self.assertRaisesRegex(Trouble, "changed meanwhile"):
            self.cluster.rotation().run()

    def test_goes_on_with_a_key_that_was_published_during_its_first_wait(self):
        texts = self.cluster.texts()
        rival = signing_key()
        others = [rival + texts["signing-key.pem"]]

        def published():
            if others:
                self.cluster.put({**texts, "other-key.pem": others.pop()})
            return self.cluster.pods

        self.cluster.rotation(published).run()
        self.assertEqual(self.cluster.kids(), [kid_of(rival)])

    def test_signs_with_no_key_that_it_has_not_waited_for(self):
        def publish_another():
            texts = self.cluster.texts()
            other = signing_key() + texts["signing-key.pem"]
            self.cluster.put({**texts, "other-key.pem": other})

        self.cluster.rivals[KNOWN_EVERYWHERE] = publish_another
        self.assert_refused_by_a_change()
        self.assertEqual(self.cluster.kids()[:1], self.first)

    def test_retires_no_key_that_it_has_not_waited_for(self):
        def begin_the_next():
            texts = self.cluster.texts()
            other = signing_key() + texts["signing-key.pem"]
            self.cluster.put({**texts, "other-key.pem": other})

        self.cluster.rivals[TOKENS_EXPIRED] = begin_the_next
        self.assert_refused_by_a_change()
        self.assertEqual(len(self.cluster.kids()), 2, "what the other one published is there")

    def test_of_two_at_once_one_gives_up_and_the_other_ends(self):
        def rotate():
            self.cluster.rivals.clear()
            self.cluster.rotation().run()

        for wait in (KNOWN_EVERYWHERE, TOKENS_EXPIRED):
            with self.subTest(wait=wait):
                self.setUp()
                self.cluster.rivals[wait] = rotate
                self.assert_refused_by_a_change()
                self.assert_rotated()
                self.assertEqual(len(self.cluster.history), 4, "no key too many was made")

    def test_changes_nothing_where_auth_has_no_pods_or_another_key(self):
        for pods in ({}, {"auth-0": ["another"]}):
            with self.subTest(pods=pods):
                self.setUp()
                self.cluster.pods = pods
                self.cluster.stuck = True
                with self.assertRaises(Trouble):
                    self.cluster.rotation().run()
                self.assertEqual(self.cluster.history, [self.first])


class Keys(unittest.TestCase):
    def test_have_the_thumbprint_that_auth_computes(self):
        # PKCS#8 of the private key 1: its public key is the curve's base point, known to all.
        der = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"
        der += "00" * 31 + "01"
        made = subprocess.run(
            ["openssl", "pkey", "-inform", "DER"],
            input=bytes.fromhex(der),
            capture_output=True,
            check=True,
        ).stdout.decode()
        self.assertEqual(kid_of(made), KID_OF_BASE_POINT)

    def test_stand_beside_each_other(self):
        one, two = signing_key(), signing_key()
        self.assertEqual(list(map(kid_of, keys_in(one + two))), [kid_of(one), kid_of(two)])
        self.assertEqual(keys_in("nothing"), [])

    def test_tell_the_phase(self):
        self.assertEqual(phase_of("a", []), "settled")
        self.assertEqual(phase_of("a", ["a"]), "settled")
        self.assertEqual(phase_of("a", ["b", "a"]), "published")
        self.assertEqual(phase_of("b", ["b", "a"]), "switched")
        self.assertEqual(phase_of("a", ["b"]), "switched", "one of unknown purpose is waited for")


if __name__ == "__main__":
    unittest.main()
