#!/usr/bin/env python3
"""Writes the gateway's pages about the API, as C++: one HTML page of all that can be reached from
outside, made from the contracts, and the contracts themselves.

    cmake/api_pages.py CONTRACTS OUT.cpp

Everything is in the page (no script or style from elsewhere), so that its Content-Security-Policy
can name the two by their hashes and forbid the rest.
"""

import base64
import gzip
import hashlib
import html
import json
import re
import shlex
import sys
from pathlib import Path

import yaml

METHODS = ("get", "post", "put", "patch", "delete")  # head and options follow from these
CALLERS = {"anyone": "anyone", "customer": "logged in", "admin": "admins"}
LIMITS = ("minimum", "maximum", "minLength", "maxLength", "maxItems", "default")
# An example of a body is as good as its contract's; this bounds what is made up where it has none.
DEPTH_MAX = 6

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee3;
  --page: #fbfcfd; --card: #fff; --code: #f1f4f7; --accent: #0b5cad; --get: #0b6e4f;
  --post: #8a4b08; --patch: #6a3fa0; --delete: #a8201a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333c45;
  --page: #14181c; --card: #1b2026; --code: #11151a; --accent: #74b3f5; --get: #5fd0a5;
  --post: #f0b060; --patch: #c3a1f0; --delete: #f58a84; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: .5rem 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
h3 { margin: 1rem 0 .25rem; font-size: .8rem; color: var(--soft); text-transform: uppercase;
  letter-spacing: .05em; }
a { color: var(--accent); } p { margin: .5rem 0; } nav a { margin-right: 1rem; }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); }
summary { padding: .6rem .8rem; cursor: pointer; } details > div { padding: 0 .8rem .8rem; }
summary:focus-visible, button:focus-visible { outline: 2px solid var(--accent); }
.method { display: inline-block; min-width: 4rem; font-weight: 700; }
.get { color: var(--get); } .post { color: var(--post); } .put, .patch { color: var(--patch); }
.delete { color: var(--delete); }
.who { float: right; margin-left: .5rem; font-size: .8rem; color: var(--soft); }
.about { display: block; color: var(--soft); font-size: .9rem; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; }
pre { margin: .25rem 0; padding: .6rem; background: var(--code); border-radius: .35rem;
  overflow-x: auto; white-space: pre-wrap; }
table { width: 100%; border-collapse: collapse; }
td { padding: .25rem .5rem .25rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td b { white-space: nowrap; overflow-wrap: normal; } .curl { padding-right: 5rem; }
.copied { position: relative; } button { font: inherit; font-size: .8rem; padding: .1rem .5rem;
  color: var(--accent); background: var(--card); border: 1px solid var(--line);
  border-radius: .35rem; cursor: pointer; }
.copied button { position: absolute; top: .35rem; right: .35rem; }
"""

# The page is whole without it: it fills in where the shop is, and copies.
SCRIPT = """
for (const line of document.querySelectorAll('.curl')) {
  line.textContent = line.textContent.replaceAll('$shop', location.origin);
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
  if (navigator.clipboard) line.parentElement.append(button);
}
if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute('open', '');
"""


class Contract:
    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self._all = yaml.safe_load(self.text)
        self.paths = self._all["paths"]
        self.title = self._all["info"]["title"]
        self.about = self._all["info"].get("description", "")
        self.codes = self._all.get("x-problem-codes", {})

    def resolved(self, part):
        """Follows references within the contract."""
        while isinstance(part, dict) and "$ref" in part:
            found = self._all
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def example(self, schema, depth=0):
        """The schema's own example, or one made from what it says."""
        schema = self.resolved(schema)
        if not isinstance(schema, dict) or depth > DEPTH_MAX:
            return None
        for known in ("example", "const", "default"):
            if known in schema:
                return schema[known]
        for known in ("examples", "enum"):
            if schema.get(known):
                return schema[known][0]
        if "allOf" in schema:
            merged = {}
            for part in schema["allOf"]:
                made = self.example(part, depth + 1)
                merged.update(made if isinstance(made, dict) else {})
            return merged
        for choice in ("oneOf", "anyOf"):
            if schema.get(choice):
                return self.example(schema[choice][0], depth + 1)
        if "properties" in schema:
            return {
                name: self.example(part, depth + 1) for name, part in schema["properties"].items()
            }
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            return [self.example(schema.get("items", {}), depth + 1)]
        return {"string": "...", "integer": schema.get("minimum", 1), "number": 1,
                "boolean": True, "object": {}}.get(kind)  # fmt: skip

    def body(self, holder):
        """(media type, example) of a request body or response; None if it has none."""
        for media_type, content in (self.resolved(holder).get("content") or {}).items():
            content = content or {}
            if "example" in content:
                return media_type, content["example"]
            if "examples" in content:
                first = self.resolved(next(iter(content["examples"].values())))
                return media_type, first.get("value")
            return media_type, self.example(content.get("schema", {}))
        return None


def text(value):
    return html.escape(str(value))


def prose(value):
    """Descriptions have words of code between backticks."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", text(value))


def pretty(value):
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False)
    return text(value)


def caller(room_operation, door_operation, secured):
    if "x-caller" in door_operation:
        return door_operation["x-caller"]
    if (door_operation if "security" in door_operation else room_operation).get("security") == []:
        return "anyone"
    admins = "admin_only" in (room_operation.get("x-problem-codes") or {}).get("403", [])
    return "admin" if admins else "customer" if secured else "anyone"


def curl_line(method, path, who, parameters, body):
    words = ["curl", "-s"]
    if method != "get":
        words += ["-X", method.upper()] if body is None else []
    for parameter in parameters:
        if parameter["in"] == "header" and parameter.get("required"):
            value = "$(uuidgen)" if parameter["name"] == "Idempotency-Key" else "..."
            words.append(f'-H "{parameter["name"]}: {value}"')
    if who != "anyone":
        words.append('-H "Authorization: Bearer $token"')
    if body is not None:
        media_type, example = body
        words.append(f'-H "Content-Type: {media_type}"' if "*" not in media_type else "")
        data = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
        words.append("-d " + shlex.quote(data if example is not None else "hello"))
    address = "$shop" + re.sub(r"{(\w+)}", lambda match: match[1].upper(), path)
    return " ".join(word for word in [*words, address] if word)


def parameters_of(contract, path_item, operation):
    listed = [*path_item.get("parameters", []), *operation.get("parameters", [])]
    return [contract.resolved(parameter) for parameter in listed]


def table(rows):
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def kind_of(contract, schema):
    schema = contract.resolved(schema or {})
    limits = [f"{name} {schema[name]}" for name in LIMITS if name in schema]
    kind = schema.get("format") or schema.get("type") or ""
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if "enum" in schema:
        kind = " | ".join(str(each) for each in schema["enum"])
    return text(", ".join([str(kind), *limits]))


def fields_of(contract, operation):
    """What the fields of a JSON body may be."""
    content = contract.resolved(operation["requestBody"]).get("content", {})
    schema = contract.resolved((content.get("application/json") or {}).get("schema", {}))
    required = schema.get("required", [])
    return table(
        (f"<code>{text(name)}</code>", "required" if name in required else "",
         kind_of(contract, part), prose(contract.resolved(part).get("description", "")))
        for name, part in schema.get("properties", {}).items()
    )  # fmt: skip


def responses_of(contract, operation):
    codes = operation.get("x-problem-codes") or {}
    rows = []
    shown = []
    for status, response in (operation.get("responses") or {}).items():
        response = contract.resolved(response)
        listed = codes.get(status)
        about = prose(response.get("description", ""))
        if listed:
            about = " ".join(f"<code>{text(code)}</code>" for code in listed)
        body = contract.body(response)
        if body and str(status).startswith("2") and body[1] is not None and body not in shown:
            shown.append(body)
            about += f"<pre>{pretty(body[1])}</pre>"
        rows.append((f"<b>{text(status)}</b>", about))
    return table(rows)


def operation_html(contract, method, path, path_item, door_operation):
    operation = path_item.get(method) or {}
    who = caller(operation, door_operation, secured=True)
    parameters = parameters_of(contract, path_item, operation)
    body = contract.body(operation["requestBody"]) if "requestBody" in operation else None
    anchor = text(operation.get("operationId", f"{method}{path}"))
    parts = [
        f'<details id="{anchor}"><summary><span class="who">{CALLERS[who]}</span>'
        f'<span class="method {method}">{method.upper()}</span><code>{text(path)}</code>'
        f'<span class="about">{text(operation.get("summary", ""))}</span></summary><div>'
    ]
    if operation.get("description"):
        parts.append(f"<p>{prose(operation['description'])}</p>")
    line = curl_line(method, path, who, parameters, body)
    parts.append(f'<div class="copied"><pre class="curl">{text(line)}</pre></div>')
    if parameters:
        rows = [
            (f"<code>{text(one['name'])}</code>",
             f"{text(one['in'])}{', required' if one.get('required') else ''}",
             kind_of(contract, one.get("schema")), prose(one.get("description", "")))
            for one in parameters
        ]  # fmt: skip
        parts.append("<h3>Parameters</h3>" + table(rows))
    if body and body[1] is not None:
        parts.append(f"<h3>Body</h3><pre>{pretty(body[1])}</pre>" + fields_of(contract, operation))
    parts.append("<h3>Answers</h3>" + responses_of(contract, operation))
    return "".join(parts) + "</div></details>"


def room_html(room, contract, door):
    parts = []
    for path, door_item in door.paths.items():
        for method in METHODS:
            door_operation = door_item.get(method)
            if not door_operation or door_operation.get("x-room", "gateway") != room:
                continue
            item = contract.paths.get(path, door_item)
            parts.append(operation_html(contract, method, path, item, door_operation))
    if not parts:
        return ""
    codes = table(
        (f"<b>{text(status)}</b>", " ".join(f"<code>{text(code)}</code>" for code in listed))
        for status, listed in contract.codes.items()
    )
    any_time = f"<details><summary>Problems of any path</summary><div>{codes}</div></details>"
    return (
        f'<section id="{room}"><h2>{text(contract.title)}</h2><p>{prose(contract.about)}</p>'
        f'<p><a href="/api/{room}.openapi.yaml">{room}.openapi.yaml</a></p>'
        + "".join(parts) + (any_time if contract.codes else "") + "</section>"
    )  # fmt: skip


def reachable(door):
    """The rooms that the gateway has routes to, and itself: others' contracts are no one's."""
    return {item[method].get("x-room", "gateway") for item in door.paths.values()
            for method in METHODS if method in item} | {"gateway"}  # fmt: skip


def page(contracts):
    door = contracts["gateway"]
    named = reachable(door)
    rooms = [name for name in ("auth", "product", "order") if name in named]
    rooms += sorted(named - set(rooms) - {"gateway"}) + ["gateway"]
    sections = [room_html(room, contracts[room], door) for room in rooms if room in contracts]
    links = "".join(f'<a href="#{room}">{room}</a>' for room in rooms)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Doorbuster API</title><style>{STYLE}</style></head><body>"
        "<h1>Doorbuster API</h1><p>All that can be reached from outside, made from the contracts. "
        "Refusals are problem documents (RFC 9457); decide by their <code>code</code>. A request "
        "with an <code>Idempotency-Key</code> may be sent again and has its effect once.</p>"
        f"<nav>{links}</nav>{''.join(sections)}<script>{SCRIPT}</script></body></html>\n"
    )


def policy():
    def source(content):
        digest = hashlib.sha256(content.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; style-src {source(STYLE)}; script-src {source(SCRIPT)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def literal(data):
    """A C++ string literal of any bytes, in lines."""
    lines = []
    for at in range(0, len(data), 24):
        lines.append('"' + "".join(f"\\{byte:03o}" for byte in data[at : at + 24]) + '"')
    return "\n    ".join(lines or ['""'])


def view(data):
    return f"std::string_view(\n    {literal(data)},\n    {len(data)}\n)"


def entry(name, content_type, content):
    data = content.encode()
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:16]}"'
    packed = gzip.compress(data, 9, mtime=0)
    return (
        f"{{{json.dumps(name)}, {json.dumps(content_type)}, {json.dumps(tag)},\n"
        f"{view(data)},\n{view(packed)}}}"
    )


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    contracts = {
        path.name.removesuffix(".openapi.yaml"): Contract(path)
        for path in sorted(folder.glob("*.openapi.yaml"))
    }
    entries = [entry("", "text/html; charset=utf-8", page(contracts))]
    entries += [
        entry(f"{room}.openapi.yaml", "application/yaml", contract.text)
        for room, contract in contracts.items()
        if room in reachable(contracts["gateway"])
    ]
    written = (
        '// Written by cmake/api_pages.py.\n#include "gateway/api/pages.hpp"\n\n'
        "namespace gateway {\n\nnamespace {\n\n"
        f"constexpr Page all[] = {{\n{','.join(entries)}}};\n\n}}  // namespace\n\n"
        "std::span<const Page> pages() {\n    return all;\n}\n\n"
        f"std::string_view page_policy() {{\n    return {json.dumps(policy())};\n}}\n\n"
        "}  // namespace gateway\n"
    )
    if not out.exists() or out.read_text() != written:
        out.write_text(written)


if __name__ == "__main__":
    main()
