"""The catalogue as customers and admins use it: through the gateway, on real processes."""

import http.client
import json
import subprocess
import time
import uuid
from urllib.parse import quote

import pytest

from shop.rooms import program
from shop.tiers import TierMeter, spent

ARTICLES = [
    ("Cirrus headphones", "audio", 24900, "Over-ear, folds flat."),
    ("Café kettle", "kitchen", 8900, "Gooseneck, keeps the temperature."),
    ("Granite pan", "kitchen", 5900, "Goes with any kettle."),
    ("Öland lamp", "home", 7900, "Dimmable."),
    ("Halo lamp", "home", 7900, "No flicker."),
]


@pytest.fixture(scope="module")
def articles(shop):
    """Ids by name; under a word of their own, as other tests leave products, too."""
    word = f"w{uuid.uuid4().hex[:12]}"
    made = {}
    for name, category, price, description in ARTICLES:
        answer = shop.admin(
            "POST",
            "/api/v1/products",
            key=str(uuid.uuid4()),
            body={
                "name": name,
                "category": f"{category} {word}",
                "price_cents": price,
                "currency": "EUR",
                "description": description,
                "image": "/images/article.webp",
                "initial_stock": 10,
            },
        )
        assert answer.status == 201, answer
        made[name] = answer.body["id"]
    made["word"] = word
    return made


def listed(shop, articles, text="", **query):
    """The names found, from all pages."""
    target = "/api/v1/products?q=" + quote(f"{articles['word']} {text}".strip())
    target += "".join(f"&{name}={quote(str(value))}" for name, value in query.items())
    names, cursor = [], ""
    for _ in range(20):
        page = shop.admin("GET", target + cursor)
        assert page.status == 200, page
        names += [product["name"] for product in page.body["products"]]
        if "next_cursor" not in page.body:
            return names
        cursor = "&cursor=" + page.body["next_cursor"]
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_lists_are_sorted_over_all_pages(shop, articles, limit):
    by_price = listed(shop, articles, sort="price_asc", limit=limit)
    assert by_price == [
        "Granite pan", "Öland lamp", "Halo lamp", "Café kettle", "Cirrus headphones",
    ]  # fmt: skip
    assert listed(shop, articles, sort="price_desc", limit=limit) == by_price[::-1]
    assert listed(shop, articles, sort="name", limit=limit) == [
        "Café kettle", "Cirrus headphones", "Granite pan", "Halo lamp", "Öland lamp",
    ]  # fmt: skip
    newest = listed(shop, articles, sort="newest", limit=limit)
    assert newest == [name for name, *_ in ARTICLES[::-1]]


def test_a_search_finds_what_people_type(shop, articles):
    assert listed(shop, articles, "kettle") == ["Café kettle", "Granite pan"]
    assert listed(shop, articles, "cafe") == ["Café kettle"]
    assert listed(shop, articles, "oland") == ["Öland lamp"]
    assert listed(shop, articles, "head") == ["Cirrus headphones"]
    assert listed(shop, articles, "lamp -halo") == ["Öland lamp"]
    assert listed(shop, articles, '"keeps the temperature"') == ["Café kettle"]
    assert listed(shop, articles, "lamp", category=f"home {articles['word']}", sort="name") == [
        "Halo lamp", "Öland lamp",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["%F0%9F%98%80", "!!!", "%22", "'", "%28%28%28", "x" * 200, "-", "%CC%81", "a:*b", "%5C"],
)
def test_odd_searches_are_answered(shop, text):
    for sort in ("relevance", "newest", "price_asc", "name"):
        answer = shop.request("GET", f"/api/v1/products?q={text}&sort={sort}")
        assert answer.status == 200, answer


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=", "query q"),
        ("q=" + "x" * 201, "query q"),
        ("q=%ff", "query q"),
        ("sort=price", "query sort"),
        ("sort=relevance", "query sort"),
        ("limit=0", "query limit"),
        ("limit=101", "query limit"),
        ("category=", "query category"),
        ("cursor=", "query cursor"),
        ("cursor=made-up", "query cursor"),
        ("cursor=0198c19f-0d44-7a10-b1c8-3e5f7a2096d1", "query cursor"),
        ("cursor=" + "A" * 3000, "query cursor"),
    ],
)
def test_a_list_that_can_not_be(shop, query, field):
    refused = shop.request("GET", f"/api/v1/products?{query}")
    assert (refused.status, refused.code) == (400, "invalid_field"), refused
    assert refused.body["field"] == field


def test_a_cursor_belongs_to_its_list(shop, articles):
    page = shop.request("GET", "/api/v1/products?limit=1&sort=name")
    cursor = page.body["next_cursor"]
    assert shop.request("GET", f"/api/v1/products?limit=5&sort=name&cursor={cursor}").status == 200
    for other in ("sort=price_asc", "sort=name&category=home", "sort=name&q=lamp", ""):
        refused = shop.request("GET", f"/api/v1/products?{other}&cursor={cursor}")
        assert (refused.status, refused.body.get("field")) == (400, "query cursor"), refused


def test_categories_are_counted(shop, articles):
    listed = shop.admin("GET", "/api/v1/categories").body["categories"]
    counted = {one["name"]: one["products"] for one in listed}
    assert counted[f"home {articles['word']}"] == 2
    assert counted[f"audio {articles['word']}"] == 1
    assert shop.request("GET", "/api/v1/categories").status == 200


def test_two_who_edit_at_once_do_not_undo_each_other(shop, articles):
    path = f"/api/v1/products/{articles['Granite pan']}"
    read = shop.request("GET", path)
    tag = read.headers["etag"]
    shop.admin("POST", f"{path}/restocks", key=str(uuid.uuid4()), body={"quantity": 5})
    assert shop.request("GET", path).headers["etag"] != tag
    first = shop.admin("PATCH", path, headers={"If-Match": tag}, body={"description": "Heavy."})
    assert first.status == 200, first
    second = shop.admin("PATCH", path, headers={"If-Match": tag}, body={"description": "Light."})
    assert (second.status, second.code) == (412, "precondition_failed"), second
    assert second.body["version"] == first.body["version"]
    assert shop.request("GET", path).body["description"] == "Heavy."
    nonsense = shop.admin("PATCH", path, headers={"If-Match": "4"}, body={"price_cents": 1})
    assert (nonsense.status, nonsense.body["field"]) == (400, "header If-Match")


def test_what_was_read_is_not_sent_again(shop, articles):
    lists = ["/api/v1/categories", "/api/v1/products"]
    for path in [f"/api/v1/products/{articles['Halo lamp']}", *lists]:
        read = shop.admin("GET", path)
        same = shop.admin("GET", path, headers={"If-None-Match": read.headers["etag"]})
        assert same.status == 304, same
        assert same.text == "" and same.headers["etag"] == read.headers["etag"]
        other = shop.admin("GET", path, headers={"If-None-Match": '"another"'})
        assert other.status == 200


def test_an_archived_product_is_only_found_by_its_id(shop, articles):
    made = shop.make_product(stock=3)
    name = shop.request("GET", f"/api/v1/products/{made}").body["name"]
    target = f"/api/v1/products?q={quote(name.split()[-1])}"
    assert len(shop.admin("GET", target).body["products"]) == 1
    assert shop.admin("PATCH", f"/api/v1/products/{made}", body={"archived": True}).status == 200
    assert shop.admin("GET", target).body["products"] == []
    assert shop.request("GET", f"/api/v1/products/{made}").body["archived"] is True
    assert shop.admin("PATCH", f"/api/v1/products/{made}", body={"archived": False}).status == 200
    assert len(shop.admin("GET", target).body["products"]) == 1


def test_everybody_sees_a_change_within_a_second(shop, articles):
    target = f"/api/v1/products?q={articles['word']}&sort=price_asc&limit=1"
    assert shop.request("GET", target).status == 200
    path = f"/api/v1/products/{articles['Halo lamp']}"
    assert shop.admin("PATCH", path, body={"price_cents": 1}).status == 200
    time.sleep(1.1)
    assert shop.request("GET", target).body["products"][0]["name"] == "Halo lamp"
    assert shop.admin("PATCH", path, body={"price_cents": 7900}).status == 200


@pytest.mark.parametrize(
    "image", ["javascript:alert(1)", "data:,x", "http://example.com/a", "a.png"]
)
def test_an_image_is_a_reference(shop, articles, image):
    path = f"/api/v1/products/{articles['Halo lamp']}"
    refused = shop.admin("PATCH", path, body={"image": image})
    assert (refused.status, refused.body["field"]) == (400, "image"), refused


CSV_HEADING = "name,category,price_cents,currency,description,initial_stock,key\n"


def run_command(shop, *arguments):
    """The operator's command: exit code, standard output, standard error."""
    done = subprocess.run(
        [str(program("doorbuster")), *map(str, arguments)],
        env=shop.shop.operator_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_catalogue_is_imported_all_or_nothing(shop, tmp_path):
    word = f"w{uuid.uuid4().hex[:12]}"
    good = f'"{word} lamp, big",light,1999,EUR,"Two\nlines.",5,{word}-1\n'
    good += f"{word} chair,seat,2999,EUR,,0,\n"
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(CSV_HEADING + good + f"{word},,1.5,EUR,,0,\n" + f"{word},x,1,eur,,-1,\n")
    code, _, said = run_command(shop, "catalogue", "import", wrong)
    assert code == 1
    for place in (":5: price_cents: ", ":5: category: ", ":6: currency: ", ":6: initial_stock: "):
        assert place in said, said
    assert "nothing was imported" in said
    target = f"/api/v1/products?q={word}&sort=price_asc"
    assert shop.admin("GET", target).body["products"] == []

    file = tmp_path / "good.csv"
    file.write_text("\ufeff" + (CSV_HEADING + good).replace("\n", "\r\n"), newline="")
    code, said, _ = run_command(shop, "catalogue", "import", file, "--dry-run")
    assert code == 0 and "2 products created" in said
    assert shop.admin("GET", target).body["products"] == []
    code, said, wrongs = run_command(shop, "catalogue", "import", file, "--json")
    assert code == 0, wrongs
    assert json.loads(said) == {
        "rows": 2, "created": 2, "changed": 0, "unchanged": 0, "dry_run": False, "errors": [],
        "errors_total": 0,
    }  # fmt: skip
    made = shop.admin("GET", target).body["products"]
    assert [one["name"] for one in made] == [f"{word} lamp, big", f"{word} chair"]
    assert made[0]["available"] == 5
    code, said, _ = run_command(shop, "catalogue", "import", file)
    assert code == 0 and "0 products created, 0 changed, 2 there already" in said
    assert len(shop.admin("GET", target).body["products"]) == 2


def test_stock_is_shown_with_its_history_and_put_right(shop):
    product = shop.make_product(stock=7)
    damaged = {"quantity": -2, "reason": "damaged in transit"}
    path = f"/api/v1/products/{product}/restocks"
    assert shop.admin("POST", path, key=str(uuid.uuid4()), body=damaged).status == 201
    code, said, _ = run_command(shop, "stock", "show", product, "--json")
    assert code == 0 and json.loads(said)["stock"] == 5
    code, said, _ = run_command(shop, "stock", "history", product, "--json")
    newest, oldest = json.loads(said)
    assert (newest["stock_change"], newest["reason"]) == (-2, "damaged in transit")
    assert newest["actor"].startswith("admin:")
    assert (oldest["kind"], oldest["stock_after"]) == ("initial", 7)

    assert run_command(shop, "stock", "reconcile", product)[0] == 0
    shop.shop.postgres.ask(f"UPDATE product.products SET stock = 99 WHERE id = '{product}'")
    code, said, _ = run_command(shop, "stock", "reconcile", product)
    assert code == 1 and "the row was changed past the ledger" in said
    code, _, said = run_command(shop, "stock", "reconcile", product, "--fix")
    assert code == 2 and "--yes" in said
    code, said, wrongs = run_command(shop, "stock", "reconcile", product, "--fix", "--yes")
    assert code == 0, wrongs
    assert "stock 99 -> 5" in said
    assert shop.request("GET", f"/api/v1/products/{product}").body["stock"] == 5
    assert run_command(shop, "stock", "reconcile", product)[0] == 0
    assert "correction" in run_command(shop, "stock", "history", product)[1]


def test_a_page_costs_less_than_a_millisecond_of_cpu(shop, articles):
    """Of 20 products, warm, over all tiers; CPU time, so that a busy machine does not matter."""
    for number in range(20):
        shop.make_product(stock=number)
    meter = TierMeter(shop.shop.launcher)
    connection = http.client.HTTPConnection(*shop.address(), timeout=15)

    def ask(count):
        for _ in range(count):
            connection.request("GET", "/api/v1/products?limit=20")
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
        return len(json.loads(body)["products"])

    assert ask(200) == 20
    before = meter.read()
    ask(3000)
    used = spent(before, meter.read())
    connection.close()
    per_page_ms = {tier: 1000 * seconds / 3000 for tier, seconds in used.items()}
    print("CPU ms per page:", {tier: round(each, 3) for tier, each in per_page_ms.items()})
    assert sum(per_page_ms.values()) < 1, per_page_ms
