"""Many buyers at once; afterwards the audit reads the database and the crowd's log."""


def test_a_thousand_units_are_sold_exactly(shop):
    sale = shop.make_sale(units=1000, hold_s=2, limit=2, holds=5)
    crowd = shop.crowd(
        sale, "exact", "--connections", 200, "--arrival", "closed", "--until-sold-out",
        "--duration-s", 40, "--duplicates", "0.1", "--quantity", "1:70,2:30",
        "--pay", "0.8", "--cancel", "0.1", "--pay-delay-ms", "0:1500",
    )  # fmt: skip
    report = crowd.report()
    assert report["purchases"]["acknowledged"] > 0
    assert report["exchanges"]["contradictions"] == 0
    settled = shop.settle(sale)
    assert settled["sold"] + settled["released"] == 1000
    shop.audit(crowd.log)


def test_expiring_holds_are_sold_again_until_nothing_is_left(shop):
    sale = shop.make_sale(units=150, hold_s=1, limit=1, holds=3)
    crowd = shop.crowd(
        sale, "holds", "--connections", 100, "--arrival", "open", "--rate", 150,
        "--duration-s", 10, "--pay", "0.5", "--cancel", "0.2", "--pay-delay-ms", "0:1500",
        "--decline", "0.2",
    )  # fmt: skip
    crowd.report()
    settled = shop.settle(sale)
    assert settled["sold"] > 75, "holds that ran out were not sold again"
    shop.audit(crowd.log)
