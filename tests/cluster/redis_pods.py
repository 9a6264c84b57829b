"""Redis and its sentinels, asked inside their own pods."""

from shop.trouble import Trouble
from shop.waiting import wait_until

MASTER_NAME = "doorbuster"
REPLICAS = 2
SENTINELS = 3


class RedisPods:
    def __init__(self, kubectl, pod_watch):
        self._kubectl = kubectl
        self._pods = pod_watch

    def ask(self, pod, *words):
        """What the Redis of a pod answers; `words` are a command."""
        return self._redis_cli(pod.name, 6379, "redis-password", words)

    def ask_sentinel(self, pod, *words):
        return self._redis_cli(pod.name, 26379, "sentinel-password", words)

    def master(self):
        """The pod that the sentinels name; by the addresses of the Services of each."""
        sentinel = self._pods.serving("redis-sentinel")[0]
        words = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
        address = self.ask_sentinel(sentinel, *words).split()[0]
        services = {
            item["spec"]["clusterIP"]: item["metadata"]["name"]
            for item in self._kubectl.items("services")
        }
        if address not in services:
            raise Trouble(f"the sentinels name {address}, which is no Service's address")
        return self._pods.one(services[address])

    def run_of(self, pod):
        """What tells one start of a Redis from the next, in the same pod too."""
        lines = self.ask(pod, "INFO", "server").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("run_id:"))

    def lease_holder(self, sale):
        """The order pod that holds a sale's lease, ready or not; None if none does."""
        value = self.ask(self.master(), "GET", f"doorbuster:{{sale:{sale}}}:lease")
        address = value.split(":")[0]
        return next((pod for pod in self._pods.pods("order") if pod.address == address), None)

    def wait_for_lease_holder(self, sale, seconds=15, *, without=()):
        """The order pod that holds a sale's lease, once it is none of these uids."""
        holder = None

        def is_held():
            nonlocal holder
            holder = self.lease_holder(sale)
            return holder is not None and holder.uid not in without

        wait_until(is_held, seconds, what=f"an order pod holds the lease of {sale}")
        return holder

    def why_not_whole(self):
        """Empty once a failover would find what it needs: a master with its replicas in step, and
        every sentinel knows them and the others."""
        try:
            master = self.master()
            if master is None or not master.is_serving():
                return "the master's pod isn't ready"
            if f"connected_slaves:{REPLICAS}" not in self.ask(master, "INFO", "replication"):
                return f"{master.name} lacks replicas"
            for sentinel in self._pods.serving("redis-sentinel"):
                if missing := self._missing_at(sentinel):
                    return f"{sentinel.name}: {missing}"
        except Trouble as trouble:
            return str(trouble)
        return ""

    def _missing_at(self, sentinel):
        seen = fields(self.ask_sentinel(sentinel, "SENTINEL", "MASTER", MASTER_NAME))
        if seen["flags"] != "master":
            return f"the master is {seen['flags']}"
        if int(seen["num-other-sentinels"]) != SENTINELS - 1:
            return f"{seen['num-other-sentinels']} other sentinels"
        lines = self.ask_sentinel(sentinel, "SENTINEL", "REPLICAS", MASTER_NAME).splitlines()
        pairs = list(zip(lines, lines[1:]))
        flags = [value for name, value in pairs if name == "flags"]
        links = [value for name, value in pairs if name == "master-link-status"]
        if flags != ["slave"] * REPLICAS or links != ["ok"] * REPLICAS:
            return f"replicas {flags}, links {links}"
        return ""

    def _redis_cli(self, pod_name, port, secret, words):
        password = f'REDISCLI_AUTH="$(cat /run/secrets/common/{secret})"'
        script = f'export {password} && exec redis-cli -p {port} "$@"'
        command = ("exec", pod_name, "--", "sh", "-c", script, "redis-cli", *words)
        return self._kubectl.run(*command).strip()


def fields(answer):
    """Of a sentinel's flat list of names and values."""
    lines = answer.splitlines()
    return dict(zip(lines[::2], lines[1::2]))
