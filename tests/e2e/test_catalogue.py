"""The catalogue as customers and admins use it: through the gateway, on real processes."""

import time
import uuid
from urllib.parse import quote

import pytest

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
    "text", ["%F0%9F%98%80", "!!!", "%22", "'", "%28%28%28", "x" * 200, "-", "%CC%81", "a:*b", "%5C"]
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


@pytest.mark.parametrize("image", ["javascript:alert(1)", "data:,x", "http://example.com/a", "a.png"])
def test_an_image_is_a_reference(shop, articles, image):
    path = f"/api/v1/products/{articles['Halo lamp']}"
    refused = shop.admin("PATCH", path, body={"image": image})
    assert (refused.status, refused.body["field"]) == (400, "image"), refused
