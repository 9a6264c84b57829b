"""A catalogue large enough that a page of it is a small part: made the same at every run."""

import csv
from urllib.parse import urlencode

PRODUCTS = 10_000
STOCK = 1_000_000
COLUMNS = (
    "name", "description", "category", "price_cents", "currency", "image", "initial_stock"
)  # fmt: skip

MAKERS = ("Alder", "Birch", "Cedar", "Dune", "Elm", "Fern", "Gorse", "Heath", "Iris", "Juniper")
KINDS = {
    "keyboards": ("keyboard", "mechanical switches, aluminium case"),
    "mice": ("mouse", "wireless receiver, six buttons"),
    "monitors": ("monitor", "27 inch, height-adjustable stand"),
    "audio": ("headphones", "wireless, noise-cancelling, folds flat"),
    "lamps": ("lamp", "dimmable, warm and cold light"),
    "kitchen": ("kettle", "gooseneck, temperature to the degree"),
    "pans": ("pan", "cast iron, suits every hob and the oven"),
    "jackets": ("jacket", "down, water-repellent shell"),
    "shoes": ("shoes", "running, recycled mesh upper"),
    "cameras": ("camera", "instant, self-timer, USB-C charging"),
}
COLOURS = ("black", "white", "grey", "blue", "green", "red", "yellow", "orange", "brown", "violet")
MODELS = PRODUCTS // (len(MAKERS) * len(KINDS) * len(COLOURS))


def rows():
    """One per product, in the order of COLUMNS."""
    for model in range(1, MODELS + 1):
        for maker in MAKERS:
            for category, (noun, about) in KINDS.items():
                for colour in COLOURS:
                    name = f"{maker} {colour} {noun} {model}"
                    price = 900 + 100 * (len(name) * model % 200)
                    about_it = f"A {colour} {noun} by {maker}: {about}."
                    yield name, about_it, category, price, "EUR", "", STOCK


def write_csv(path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows())


def search_paths(page_size):
    """What people type: a kind of thing (a tenth of the catalogue matches), one of a colour (a
    hundredth), one of a maker and a colour (a thousandth), something with a property."""
    nouns = [noun for noun, _ in KINDS.values()]
    searches = list(nouns)
    searches += [f"{colour} {noun}" for colour in COLOURS[:5] for noun in nouns]
    searches += [f"{maker} {COLOURS[0]} {noun}" for maker in MAKERS for noun in nouns[:5]]
    searches += ["wireless", "usb-c", "cast iron", "noise-cancelling", "dimmable"]
    return ["/api/v1/products?" + urlencode({"q": text, "limit": page_size}) for text in searches]
