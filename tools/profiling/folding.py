"""perf's samples as counted stacks, and stacks as shares by kind of work."""

import re
from collections import Counter

FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>.+?) \((?P<object>[^)]*)\)$")
COROUTINE = re.compile(r"\(.*?Frame\*\)|\s*\[clone [^\]]*\]|\+0x[0-9a-f]+$")
TEMPLATE = re.compile(r"<[^<>]*>")
SYMBOL_MOST = 80

# The first that matches the innermost frames decides. What none matches is "other".
KINDS = (
    (
        "kernel: network",
        re.compile(
            r"tcp_|ip_|sock_|inet_|skb|__x64_sys_(send|recv|read|write)"
            r"|ep_|epoll|net_|__dev|loopback|virtio"
        ),
    ),
    (
        "kernel: disk and log",
        re.compile(r"ext4|jbd2|blk_|bio_|fsync|fdatasync|writeback|XLogFlush"),
    ),
    ("kernel: other", re.compile(r"^\[k\]|entry_SYSCALL|syscall|asm_|schedule|futex")),
    ("memory", re.compile(r"malloc|free|operator new|operator delete|realloc|arena")),
    ("hashing and tokens", re.compile(r"SHA|sha256|EVP_|token::|ecp_|BN_")),
    ("JSON and text", re.compile(r"json|fmt::|format_timestamp|Uuid::")),
    ("HTTP", re.compile(r"http::|beast")),
    (
        "PostgreSQL: executor",
        re.compile(r"Exec|plpgsql|exec_|heap_|index_|_bt|btree|Datum|array_|SPI_"),
    ),
    ("PostgreSQL: WAL", re.compile(r"XLog|WAL")),
    ("libpq and statements", re.compile(r"PQ|pq[A-Z]|postgres::")),
    ("engine", re.compile(r"order::|gateway::|net::")),
    ("Asio", re.compile(r"asio|awaitable|reactor|scheduler")),
)  # fmt: skip


def short(symbol):
    """A C++ name without template arguments, parameters and coroutine decoration."""
    name = COROUTINE.sub("", symbol)
    while TEMPLATE.search(name):
        name = TEMPLATE.sub("", name)
    name = re.sub(r"\(.*", "", name).strip() or symbol
    return name[:SYMBOL_MOST]


def fold(script, tier_of):
    """Counter of (tier, outermost ... innermost) from the text of `perf script`; `tier_of` names
    the tier of a process id."""
    stacks = Counter()
    for block in script.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if len(lines) < 2:
            continue
        head = re.match(r"\S.*?\s(\d+)(?:/\d+)?\s", lines[0])
        if not head:
            continue
        frames = []
        for line in lines[1:]:
            found = FRAME.match(line)
            if found:
                kernel = "kernel" in found["object"] or "vmlinux" in found["object"]
                frames.append(("[k] " if kernel else "") + short(found["symbol"]))
        if frames:
            stacks[(tier_of(int(head[1])), *reversed(frames))] += 1
    return stacks


def kind_of(stack):
    """The kind of work that a stack was caught at: its innermost telling frame decides."""
    for frame in reversed(stack[1:]):
        for kind, pattern in KINDS:
            if kind != "kernel: other" and pattern.search(frame):
                return kind
    return "kernel: other" if stack[-1].startswith("[k]") else "other"


def shares(stacks):
    """{tier: Counter(kind)} of samples."""
    by_tier = {}
    for stack, count in stacks.items():
        by_tier.setdefault(stack[0], Counter())[kind_of(stack)] += count
    return by_tier
