"""A small shop's contracts without a fault, and one change for each problem that must be found."""

import tempfile
from pathlib import Path

from contracts import authorization, rules
from contracts.contract import Contract

ROOM = """\
openapi: 3.1.0
info: { title: things, version: 1.0.0 }
security: [{ accessToken: [] }]
x-problem-codes:
  '400': [request_malformed]
paths:
  /api/v1/things:
    post:
      operationId: makeThing
      summary: Makes a thing.
      tags: [things]
      x-problem-codes:
        '400': [invalid_body]
        '401': [token_missing, token_invalid, token_expired]
        '403': [admin_only]
      requestBody:
        content:
          application/json:
            schema: { $ref: '#/components/schemas/Thing' }
      responses:
        '201':
          description: Made.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Thing' }
        '400': { description: No. }
        '401': { description: No. }
        '403': { description: No. }
  /api/v1/things/{id}:
    get:
      operationId: getThing
      summary: The caller's thing.
      tags: [things]
      x-owned-by: customer
      x-problem-codes:
        '401': [token_missing, token_invalid, token_expired]
        '404': [thing_unknown]
      responses:
        '200':
          description: It.
          content:
            application/json:
              schema: { type: object }
              example: { name: one }
        '401': { description: No. }
        '404': { description: No. }
  /internal/v1/things:
    get:
      operationId: countThings
      summary: How many there are.
      tags: [things]
      security: [{ serviceCredential: [] }]
      x-problem-codes:
        '401': [service_credential_required]
      responses:
        '204': { description: None. }
        '401': { description: No. }
components:
  schemas:
    Thing:
      type: object
      example: { name: one }
"""

GATEWAY = """\
openapi: 3.1.0
info: { title: gateway, version: 1.0.0 }
security: [{ accessToken: [] }]
x-problem-codes:
  '400': [request_malformed]
  '404': [route_unknown]
paths:
  /api/v1/things:
    post: { x-room: things, x-caller: admin, responses: { default: { description: Its. } } }
  /api/v1/things/{id}:
    get: { x-room: things, x-caller: customer, responses: { default: { description: Its. } } }
"""

SOURCE = """\
http::Problem refusal(int status, std::string code);
auto one = refusal(404, "thing_unknown");  // refusal(404, "not_this_one")
auto two = problem.code = bad ? "invalid_body" : "invalid_body";
"""

LIBRARY = """\
http::Problem refused(std::string code, std::string detail);
auto a = refused("token_missing", "x"), b = refused("token_invalid", "x");
auto c = refused("token_expired", "x"), d = refused("service_credential_required", "x");
auto e = http::Problem{403, "admin_only"};
auto f = http::Problem{.status = 404, .code = "route_unknown"};
auto g = refuse(400, "request_malformed", "x");
"""

TEXTS = {"things": ROOM, "gateway": GATEWAY, "source": SOURCE, "library": LIBRARY}

# (where, what is there, what is put there instead, what must be said)
PLANTED = (
    ("things", "      operationId: getThing\n", "", "has no operationId"),
    ("things", "getThing", "makeThing", "has the operationId of POST /api/v1/things"),
    ("things", "      summary: Makes a thing.\n", "", "has no summary"),
    ("things", "Makes a thing.", "Makes a thing." * 9, "summary is longer"),
    ("things", "      tags: [things]\n", "", "has no tags"),
    ("things", "        '404': [thing_unknown]\n", "", "has no code for 404"),
    ("things", "        '404': { description: No. }\n", "", "404, which is not one of its"),
    ("things", "[invalid_body]", "[]", "has no code for 400"),
    ("things", "[invalid_body]", "[Invalid]", "'Invalid' is no code"),
    ("things", "object\n      example: { name: one }\n", "object\n", "its request has no example"),
    ("things", "              example: { name: one }\n", "", "its answer 200 has no example"),
    ("things", "      x-owned-by: customer\n", "", "x-owned-by must say"),
    ("things", "      x-owned-by: customer\n", "      x-owned-by: me\n", "x-owned-by must say"),
    ("things", "token_invalid, token_expired]\n        '404'", "token_expired]\n        '404'",
     "is for customer: x-problem-codes needs 401 token_invalid"),
    ("things", "[service_credential_required]", "[token_missing]", "needs 401 service_credential"),
    ("things", "      security: [{ serviceCredential: [] }]\n", "", "is internal, and for"),
    ("things", "x-problem-codes:\n  '400': [request_malformed]\n", "", "what the HTTP layer"),
    ("things", "        '403': [admin_only]\n", "", "is for admin (security says admin), and"),
    ("things", "/api/v1/things/{id}:", "/api/v1/thing/{id}:", "is not in the contract of things"),
    ("things", "  /internal/v1/things:", "  /api/v1/more:", "is not routed by the gateway"),
    ("gateway", "  '400': [request_malformed]\n", "", "lacks 400 request_malformed, which"),
    ("gateway", "x-caller: customer", "x-caller: admin", "is for admin (security says admin)"),
    ("gateway", "x-room: things, x-caller: admin", "x-room: nothing", "which has no contract"),
    ("gateway", "x-caller: admin,", "x-caller: admin, security: [],", "(security says anyone)"),
    ("source", '"thing_unknown"', '"thing_gone"', "services/things answers thing_gone"),
    ("source", '404, "thing_unknown"', '410, "thing_unknown"', "answers 410 thing_unknown"),
    ("source", '"thing_unknown"', '"invalid_body"', "nothing in the C++ answers thing_unknown"),
    ("source", '"invalid_body" :', '"chosen" :', "services/things answers chosen"),
    ("library", '"request_malformed"', '"odd"', "libs/http or libs/service answers odd"),
)  # fmt: skip


def problems_with(texts):
    contracts = {room: Contract(room, texts[room]) for room in ("things", "gateway")}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, name in (
            ("services/things/api/a.cpp", "source"),
            ("services/gateway/api/a.cpp", None),
            ("libs/http/a.cpp", "library"),
            ("libs/service/a.cpp", None),
        ):
            root.joinpath(path).parent.mkdir(parents=True)
            root.joinpath(path).write_text(texts.get(name, ""), encoding="utf-8")
        return list(rules.all_problems(contracts, root))


def failures():
    found = [f"in what has no fault: {problem}" for problem in problems_with(TEXTS)]
    for where, present, planted, wanted in PLANTED:
        if present not in TEXTS[where]:
            found.append(f"can't be planted: {present!r}")
            continue
        problems = problems_with(TEXTS | {where: TEXTS[where].replace(present, planted, 1)})
        if not any(wanted in problem for problem in problems):
            found.append(f"not found: {wanted!r} ({planted!r}); said: {problems}")
    return found + failures_of_table()


def failures_of_table():
    """A route that is new has a row that the table of the docs lacks."""

    def table(text):
        contracts = {"things": Contract("things", text), "gateway": Contract("gateway", GATEWAY)}
        return authorization.table(contracts)

    row = "| `GET /api/v1/things/{id}` | yes | 401 | yes | 404 | 404 | 401 | 401 | 401 |"
    if row not in table(ROOM).splitlines():
        return [f"the table lacks {row}: {table(ROOM)}"]
    if table(ROOM.replace("/internal/v1/things:", "/internal/v1/thing:")) == table(ROOM):
        return ["a new route doesn't change the table"]
    return []
