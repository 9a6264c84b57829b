"""Private nginx processes: one worker, no log unless asked for, kept connections: what a
single-threaded room is held against."""

import shutil

from shop.ports import LOOPBACK, is_free
from shop.state_folder import write_private
from shop.trouble import Trouble
from shop.waiting import wait_until

READY_SECONDS = 10
GRACE_SECONDS = 5

SETTINGS = """\
daemon off;
master_process on;
worker_processes 1;
{user}
pid {folder}/{name}.pid;
error_log stderr warn;
worker_rlimit_nofile 65536;
events {{ worker_connections 8192; }}
http {{
    access_log {access_log};
    client_body_temp_path {folder}/{name}.body;
    proxy_temp_path {folder}/{name}.proxy;
    fastcgi_temp_path {folder}/{name}.fastcgi;
    uwsgi_temp_path {folder}/{name}.uwsgi;
    scgi_temp_path {folder}/{name}.scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
{body}
}}
"""

RETURN = """\
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ default_type application/json; return 200 '{text}'; }}
    }}
"""

# The defaults of a proxy that a shop would put up, with connections to what stands behind kept.
PROXY = """\
    upstream behind {{ server 127.0.0.1:{behind}; keepalive 512; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
"""


def program():
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not found:
        raise Trouble("nginx is missing: run ./install-dependencies.sh --bench")
    return found


def start_returning(shop, name, port, *, bytes_of_body):
    """Answers everything with 200 and a JSON body of so many bytes."""
    text = '{"padding":"' + "x" * max(0, bytes_of_body - 14) + '"}'
    _start(shop, name, port, RETURN.format(port=port, text=text))


def start_proxy(shop, name, port, *, behind, is_logging=False):
    """`is_logging`: a line per request in nginx's usual format."""
    log = f"{shop.state.log(name + '-access')} combined" if is_logging else "off"
    _start(shop, name, port, PROXY.format(port=port, behind=behind), access_log=log)


def stop(shop, names):
    shop.launcher.stop(names, grace_seconds=GRACE_SECONDS)


def _start(shop, name, port, body, access_log="off"):
    folder = shop.state.path / "nginx"
    folder.mkdir(mode=0o700, exist_ok=True)
    user = "user root;" if folder.owner() == "root" else ""
    file = folder / f"{name}.conf"
    settings = {"user": user, "folder": folder, "name": name, "access_log": access_log}
    write_private(file, SETTINGS.format(**settings, body=body))
    command = [program(), "-e", "stderr", "-p", folder, "-c", file]
    shop.launcher.start(name, command, log=shop.state.log(name), environment={})
    wait_until(
        lambda: not is_free(port),
        READY_SECONDS,
        what=f"{name} listens on {LOOPBACK}:{port}",
        log=shop.state.log(name),
        still_running=lambda: shop.launcher.is_alive(name),
    )
