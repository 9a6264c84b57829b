"""orders.sale_apply_v1 called by pgbench on one connection: what PostgreSQL alone can do."""

import re
import subprocess

from shop import postgres
from shop.processes import die_with_this_process
from shop.trouble import Trouble

SECONDS = 5
# Batches made ready: more than a window can use on a fast disk.
BATCHES = {1: 40_000, 10: 40_000, 100: 10_000, 1000: 1_000}

# Inputs are made beforehand so that only the call is measured: ids in order of time as the shop's,
# customers and keys that nobody used before.
PREPARE = """
CREATE UNLOGGED TABLE IF NOT EXISTS bench_batches (
    size int, n int, ids uuid[], customers uuid[], keys uuid[], fingerprints uuid[],
    quantities int[], deadlines bigint[], PRIMARY KEY (size, n)
);
DELETE FROM bench_batches WHERE size = {size};
WITH takes AS MATERIALIZED (
    SELECT g, (g - 1) / {size} + 1 AS n,
           lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint * 4096 + g), 15, '0')
               AS time
    FROM generate_series(1::bigint, {size} * {count}) AS g
)
INSERT INTO bench_batches
SELECT {size}, n,
       array_agg((left(time, 12) || '7' || right(time, 3) || 'b' || right(md5(g::text), 15))::uuid
                 ORDER BY g),
       array_agg(gen_random_uuid()), array_agg(gen_random_uuid()), array_agg(gen_random_uuid()),
       array_agg(1), array_agg(9000000000000000)
FROM takes GROUP BY n;
ANALYZE bench_batches;
"""

# The fence of a sale that no pod has led is 0; 1 is the mode without a lease.
SCRIPT = """\
\\set n :n + 1
SELECT r.status FROM bench_batches b, LATERAL orders.sale_apply_v1(
    '{sale}'::uuid, 0::bigint, 1, b.ids, b.customers, b.keys, b.fingerprints, b.quantities,
    b.deadlines, '{{}}'::uuid[], '{{}}'::uuid[]
) r WHERE b.size = {size} AND b.n = :n;
"""


def prepare(shop, size):
    for statement in PREPARE.format(size=size, count=BATCHES[size]).split(";\n"):
        if statement.strip():
            shop.postgres.ask(statement)


def purchases_per_second(shop, sale, size):
    script = shop.state.path / f"pgbench-{size}.sql"
    script.write_text(SCRIPT.format(sale=sale, size=size))
    command = [postgres.program("pgbench"), "--no-vacuum", "--client", 1, "--time", SECONDS]
    command += ["--protocol", "prepared", "--define", "n=0", "--file", script]
    done = subprocess.run(
        [str(part) for part in command],
        env=shop.postgres.client_environment(),
        capture_output=True,
        text=True,
        cwd="/",
        preexec_fn=die_with_this_process(9),
    )
    if done.returncode != 0:
        raise Trouble(f"pgbench ended with {done.returncode}: {done.stderr.strip()}")
    calls, per_second = parse(done.stdout)
    if calls >= BATCHES[size]:
        raise Trouble(f"pgbench used up its {BATCHES[size]} batches of {size}: prepare more")
    return calls * size, per_second * size


def parse(text):
    """(calls, calls per second) of what pgbench printed."""
    calls = re.search(r"transactions actually processed: (\d+)", text)
    rate = re.search(r"tps = ([\d.]+) \(without initial", text)
    if not calls or not rate:
        raise Trouble(f"pgbench said:\n{text}")
    return int(calls.group(1)), float(rate.group(1))
