"""Which secrets are made, which are left alone, and which are never invented."""

import hashlib
import subprocess
import sys
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster import credentials  # noqa: E402
from shop.trouble import Trouble  # noqa: E402

WANTED = credentials.read_list()


def planned(present, *, has_database=False, rooms=()):
    return credentials.plan(WANTED, present, "there", has_database=has_database, rooms=rooms)


class Made(unittest.TestCase):
    def setUp(self):
        self.made = planned({})

    def test_every_key_that_is_needed(self):
        for name, described in WANTED.items():
            needed = [key for key, how in described["keys"].items() if not how.get("optional")]
            self.assertEqual(sorted(self.made[name]), sorted(needed))

    def test_passwords_are_long_and_differ(self):
        passwords = [
            self.made[name][key]
            for name, described in WANTED.items()
            for key, how in described["keys"].items()
            if how["make"] == "random"
        ]
        self.assertGreater(min(map(len, passwords)), 40)
        self.assertEqual(len(set(passwords)), len(passwords))
        self.assertNotEqual(planned({})["common"], self.made["common"])

    def test_an_address_holds_its_own_password(self):
        parts = urllib.parse.urlsplit(self.made["order-database"]["url"])
        self.assertEqual(parts.username, "orders")
        self.assertEqual(parts.password, self.made["order-database"]["password"])
        self.assertEqual((parts.hostname, parts.port), ("postgres", 5432))
        self.assertEqual(parts.path, "/doorbuster")

    def test_the_callers_are_known_by_the_hash_of_their_secret(self):
        secret = self.made["order-service"]["secret"]
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self.assertEqual(self.made["service-callers"]["accepted-callers"], f"order={digest}")

    def test_the_signing_key_is_one(self):
        command = ["openssl", "pkey", "-noout", "-text"]
        key = self.made["jwt-key"]["signing-key.pem"]
        said = subprocess.run(command, input=key, capture_output=True, text=True, check=True)
        self.assertIn("P-256", said.stdout)


class LeftAlone(unittest.TestCase):
    def test_a_second_time_nothing_is_made(self):
        self.assertEqual(planned(planned({})), {})
        self.assertEqual(planned(planned({}), has_database=True), {})

    def test_only_the_missing_key_is_added(self):
        present = planned({})
        del present["order-database"]["url"]
        present["order-database"]["password"] = "as p@ss/word"
        made = planned(present, has_database=True)
        self.assertEqual(list(made), ["order-database"])
        self.assertEqual(list(made["order-database"]), ["url"])
        self.assertIn(":as%20p%40ss%2Fword@postgres:", made["order-database"]["url"])

    def test_what_follows_from_a_secret_of_the_operators_own(self):
        made = planned({"order-service": {"secret": "chosen by hand"}})
        digest = hashlib.sha256(b"chosen by hand").hexdigest()
        self.assertEqual(made["service-callers"]["accepted-callers"], f"order={digest}")
        self.assertNotIn("order-service", made)


class Refused(unittest.TestCase):
    def test_no_password_is_invented_for_a_database_that_exists(self):
        databases = [name for name in WANTED if name.endswith("-database")]
        self.assertEqual(len(databases), 5)
        for name in ("postgres-admin", *databases):
            for absent in ({name: {}}, {}):
                present = planned({}) | absent
                if not absent:
                    del present[name]
                with self.subTest(name), self.assertRaises(credentials.Refused) as refused:
                    planned(present, has_database=True)
                for part in (name, "password", "-n there create secret", "--data"):
                    self.assertIn(part, str(refused.exception))

    def test_a_room_that_an_update_brings_gets_a_password(self):
        present = planned({})
        del present["payment-database"]
        rooms = ("gateway", "auth", "product", "order")
        made = planned(present, has_database=True, rooms=rooms)
        self.assertEqual(list(made), ["payment-database"])
        for known in ((*rooms, "payment"), ()):
            with self.subTest(known), self.assertRaises(credentials.Refused):
                planned(present, has_database=True, rooms=known)
        for name in ("auditor-database", "postgres-admin", "order-database"):
            present = planned({})
            del present[name]
            with self.subTest(name), self.assertRaises(credentials.Refused):
                planned(present, has_database=True, rooms=rooms)

    def test_what_only_an_operator_can_make(self):
        wanted = {"tls": {"keys": {"tls.key": {"make": "operator"}}}}
        with self.assertRaises(Trouble):
            credentials.plan(wanted, {}, "there", has_database=False)


class Kubectl:
    """In place of the cluster: what is there, and what is sent to it."""

    namespace = "there"

    def __init__(self, claims=()):
        self._claims = claims
        self.calls = []

    def items(self, kind):
        if kind in ("secrets", "deployments"):
            return []
        return [{"metadata": {"name": name}} for name in self._claims]

    def run(self, *arguments, input=None):
        self.calls.append((arguments, input))


class OnTheCluster(unittest.TestCase):
    def test_no_secret_is_an_argument(self):
        kubectl = Kubectl()
        self.assertEqual(sorted(credentials.ensure(kubectl)), sorted(WANTED))
        called = {arguments for arguments, _ in kubectl.calls}
        self.assertEqual(called, {("create", "--filename=-")})
        self.assertTrue(all("stringData" in sent for _, sent in kubectl.calls))

    def test_volumes_of_a_database(self):
        for claim, is_one in (
            ("postgres-data-postgres-0", True),
            ("postgres-1", True),
            ("backups", False),
            ("data-redis-0", False),
        ):
            self.assertEqual(credentials.has_database(Kubectl([claim])), is_one, claim)


if __name__ == "__main__":
    unittest.main()
