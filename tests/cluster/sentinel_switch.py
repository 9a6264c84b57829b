"""How soon after the sentinels have switched to another master redis-primary leads there. All is
done by one script in the network of an order pod, which may reach all of them."""

import json

import host_processes

MEASURE_SECONDS = 40
MEASURE = r"""
import json, socket, sys, time

given = json.load(sys.stdin)
deadline = time.monotonic() + given["seconds"]

def ask(host, port, password, command, is_whole):
    try:
        with socket.create_connection((host, port), timeout=1) as way:
            way.settimeout(1)
            way.sendall(f"AUTH {password}\r\n{command}\r\n".encode())
            said = b""
            while not is_whole(said):
                piece = way.recv(4096)
                if not piece:
                    return ""
                said += piece
            return said.decode()
    except OSError:
        return ""

def run_at(host):
    whole = lambda said: b"\r\n" in said.partition(b"run_id:")[2]
    said = ask(host, 6379, given["redis_password"], "INFO server", whole)
    return said.partition("run_id:")[2].split("\r\n")[0]

def ask_sentinel(host, command, lines):
    whole = lambda said: said.count(b"\r\n") >= lines or b"-" in said[:1]
    return ask(host, 26379, given["sentinel_password"], command, whole).split("\r\n")

def named():
    # The address that two sentinels name; None while they don't agree.
    command = "SENTINEL get-master-addr-by-name doorbuster"
    answers = [ask_sentinel(host, command, 6) for host in given["sentinels"]]
    names = [lines[3] for lines in answers if len(lines) > 3]
    return next((name for name in names if names.count(name) >= 2), None)

before = named()
while ask_sentinel(given["sentinels"][0], "SENTINEL FAILOVER doorbuster", 2)[1:2] != ["+OK"]:
    if time.monotonic() > deadline:
        sys.exit("the sentinel did not agree to a failover")
    time.sleep(0.5)
while (now_named := named()) in (None, before):
    if time.monotonic() > deadline:
        sys.exit(f"the sentinels still name {before}")
    time.sleep(0.02)
switched = time.monotonic()
while not (run := run_at(now_named)):
    if time.monotonic() > deadline:
        sys.exit(f"{now_named} does not answer")
    time.sleep(0.02)
left = list(given["primaries"])
while left:
    left = [host for host in left if run_at(host) != run]
    if time.monotonic() > deadline:
        sys.exit(f"{left} do not lead to {now_named}")
    time.sleep(0.02)
print(json.dumps({"seconds": time.monotonic() - switched}))
"""


def measure(shop):
    """Seconds from the switch until every pod of redis-primary led to the new master."""
    given = {
        "seconds": MEASURE_SECONDS - 10,
        "redis_password": shop.shop.secret("common", "redis-password").strip(),
        "sentinel_password": shop.shop.secret("common", "sentinel-password").strip(),
        "sentinels": [pod.address for pod in shop.pods.serving("redis-sentinel")],
        "primaries": [pod.address for pod in shop.pods.serving("redis-primary")],
    }
    order = shop.pods.serving("order")[0]
    said = host_processes.ask_from(
        order, MEASURE, input=json.dumps(given), timeout=MEASURE_SECONDS
    )
    return json.loads(said)["seconds"]
