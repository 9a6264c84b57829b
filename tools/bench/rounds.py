"""One round: everything is measured once, with customers whom nobody has met."""

import time

from bench import figures, nginx, pgbench, shopping, wrk
from bench.idle_connections import measure_idle
from bench.overload import measure_overload
from bench.sale_baselines import measure_baselines
from shop.ports import LOOPBACK, random_free
from shop.terminal import Step
from shop.tiers import spent
from shop.trouble import Trouble

CONNECTIONS = 1000
WINDOW_SECONDS = 6
PAY_SECONDS = 6
SOLD_OUT_SECONDS = 5
SOLD_OUT_UNITS = 10
UNITS = 400_000
ONE_EACH_LIMIT_SECONDS = 60
ORDER_BODY_BYTES = 330  # about what order answers to a purchase
TIERS = {
    "gateway": "gateway",
    "order": "order, both pods",
    "postgres": "PostgreSQL",
    "redis": "Redis and sentinels",
}


class Round:
    def __init__(self, bench_shop, numbers, customers, few):
        self.bench = bench_shop
        self.numbers = numbers
        self.customers = customers
        self.few = few
        self.details = {"generator": {}}

    def run(self):
        self._start()
        self._first_requests()
        self._warm_tokens()
        self._sale()
        with Step("  lock-per-request and row-update, swept") as step:
            self.details["sweeps"] = measure_baselines(self.bench, self.numbers)
            step.note = self._told(
                "sale.lock_per_request_per_s", "sale.row_update_per_s", "sale.ratio"
            )
        self._paid_orders()
        self._sold_out()
        self._bare_function()
        self._web_servers()
        self._shopping()
        self._idle_connections()
        self._overload()
        memory = self.bench.memory_mib()
        for tier, mib in memory.items():
            self.numbers.add(f"rss_mib.{tier}", mib)
        self.numbers.add("rss_mib", sum(memory.values()))
        return self.details

    def _start(self):
        with Step("  rooms restart, fresh customers") as step:
            self.numbers.add("start_ms", self.bench.restart_rooms())
            self.bench.shop.postgres.ask("CHECKPOINT")
            self.bench.seed(self.customers, self.few)
            step.note = self._told("start_ms")

    def _first_requests(self):
        """Each customer's first purchase: two rooms verify a signature."""
        with Step("  first purchases, tokens cold") as step:
            sale = self.bench.open_sale(self.customers)
            report, cpu = self._metered_crowd(sale, "first", *self._one_each())
            purchases = report["purchases"]["acknowledged"]
            total = 1e6 * sum(cpu.values()) / purchases
            self.numbers.add("sale.cpu_us_per_purchase.first_request", total)
            self.numbers.add("sale.first_purchases_per_s", report["purchases"]["per_second"])
            step.note = self._told("sale.cpu_us_per_purchase.first_request")

    def _warm_tokens(self):
        """The gateway has met every token; either pod of order has met about half of them."""
        with Step("  every token met by both pods of order"):
            for pod in ("order-1", "order-2"):
                sale = self.bench.open_sale(self.customers)
                self.bench.crowd(sale, *self._one_each(), at=pod)

    def _sale(self):
        with Step("  the sale, tokens warm") as step:
            sale = self.bench.open_sale(UNITS)
            options = ("--duration-s", WINDOW_SECONDS, "--purchases-per-customer", 0)
            report, cpu = self._metered_crowd(sale, "sale", *options)
            self._add_sale(report, cpu)
            step.note = self._told(
                "sale.purchases_per_s", "sale.p99_ms", "sale.cpu_us_per_purchase.total"
            )

    def _add_sale(self, report, cpu):
        add = self.numbers.add
        purchases = report["purchases"]["acknowledged"]
        per_second = report["purchases"]["per_second"]
        latency = report["latency"]["purchase"]
        add("sale.purchases_per_s", per_second)
        add("sale.p50_ms", latency["p50_ms"])
        add("sale.p95_ms", latency["p95_ms"])
        add("sale.p99_ms", latency["p99_ms"])
        over_mean = figures.p99_over_mean(latency["p99_ms"], per_second, CONNECTIONS)
        add("sale.p99_over_mean", over_mean)
        for name, tier in TIERS.items():
            add(f"sale.cpu_us_per_purchase.{name}", 1e6 * cpu[tier] / purchases)
        add("sale.cpu_us_per_purchase.total", 1e6 * sum(cpu.values()) / purchases)

    def _paid_orders(self):
        with Step("  bought and paid") as step:
            sale = self.bench.open_sale(UNITS)
            options = ("--duration-s", PAY_SECONDS, "--purchases-per-customer", 0, "--pay", 1)
            report, cpu = self._metered_crowd(sale, "pay", *options)
            paid = report["answers"]["pay"]["paid"]
            self.numbers.add("pay_per_s", paid / report["elapsed_s"])
            self.numbers.add("sale.cpu_us_per_paid_order", 1e6 * sum(cpu.values()) / paid)
            step.note = self._told("pay_per_s", "sale.cpu_us_per_paid_order")

    def _sold_out(self):
        with Step("  sold out") as step:
            sale = self.bench.open_sale(SOLD_OUT_UNITS)
            few = ("--connections", SOLD_OUT_UNITS, "--purchases-per-customer", 0, "--pay", 1)
            self.bench.crowd(sale, *few, "--until-sold-out", "--duration-s", 20, "--retries")
            options = ("--duration-s", SOLD_OUT_SECONDS, "--purchases-per-customer", 0)
            report, cpu = self._metered_crowd(sale, "soldout", *options, is_selling=False)
            answers = report["answers"]["take"].get("sold_out", 0)
            self.numbers.add("soldout.answers_per_s", answers / report["arrivals_s"])
            self.numbers.add(
                "soldout.over_purchases",
                self.numbers.last("soldout.answers_per_s")
                / self.numbers.last("sale.purchases_per_s"),
            )
            self.numbers.add("soldout.cpu_us_per_answer", 1e6 * sum(cpu.values()) / answers)
            step.note = self._told("soldout.answers_per_s")

    def _bare_function(self):
        for size in pgbench.BATCHES:
            with Step(f"  pgbench, the function with {size} at a time") as step:
                sale = self.bench.open_sale(size * pgbench.BATCHES[size])
                pgbench.prepare(self.bench.shop, size)
                sold, per_second = pgbench.purchases_per_second(self.bench.shop, sale, size)
                gone = self.bench.units_gone(sale)
                if gone != sold:
                    raise Trouble(f"pgbench took {sold} units, {gone} are gone")
                self.numbers.add(f"pgbench.same_function_per_s.{size}", per_second)
                step.note = self._told(f"pgbench.same_function_per_s.{size}")

    def _web_servers(self):
        with Step("  nginx in place of echo and of the gateway") as step:
            plain, behind, proxy, logging = random_free(4)
            shop = self.bench.shop
            names = ["nginx-return", "nginx-behind", "nginx-proxy", "nginx-proxy-logging"]
            gateways = ["gateway-nginx", "gateway-nginx-logging"]
            nginx.start_returning(shop, names[0], plain, bytes_of_body=self._echo_bytes())
            nginx.start_returning(shop, names[1], behind, bytes_of_body=ORDER_BODY_BYTES)
            nginx.start_proxy(shop, names[2], proxy, behind=behind)
            nginx.start_proxy(shop, names[3], logging, behind=behind, is_logging=True)
            self.bench.start_gateway_to(gateways[0], f"{LOOPBACK}:{behind}")
            self.bench.start_gateway_to(gateways[1], f"{LOOPBACK}:{behind}", ACCESS_LOG="on")
            try:
                echo = self._wrk("echo", self.bench.port("echo"), "/api/v1/echo")
                returned = self._wrk(names[0], plain, "/api/v1/echo")
                order = "/api/v1/orders/0193a5b0-0000-7000-8000-000000000001"
                gateway = self._wrk(gateways[0], self.bench.port(gateways[0]), order, True)
                proxied = self._wrk(names[2], proxy, order, True)
                writing = self._wrk(gateways[1], self.bench.port(gateways[1]), order, True)
                logged = self._wrk(names[3], logging, order, True)
            finally:
                self.bench.stop_rooms(gateways)
                nginx.stop(shop, names)
            self.numbers.add("echo.vs_nginx_return", echo / returned)
            self.numbers.add("gateway.vs_nginx_proxy", gateway / proxied)
            self.numbers.add("gateway.vs_nginx_proxy_logging", writing / logged)
            step.note = self._told("echo.vs_nginx_return", "gateway.vs_nginx_proxy")

    def _shopping(self):
        for what, measure, told in (
            ("logins", shopping.log_in, ("login_per_s", "login.cpu_us")),
            ("pages of products", shopping.look_at_pages, ("products.list_per_s",)),
            ("searches", shopping.search, ("products.search_per_s",)),
            ("orders of two products, paid", shopping.check_out, ("order.checkout_per_s",)),
        ):
            with Step(f"  {what}") as step:
                measure(self.bench, self.numbers)
                step.note = self._told(*told)

    def _idle_connections(self):
        with Step("  connections that nobody uses") as step:
            measure_idle(self.bench, self.numbers)
            step.note = self._told("idle.connections", "idle.rss_mib")

    def _overload(self):
        with Step("  ten times too many buyers") as step:
            self.details["overload"] = measure_overload(self.bench, self.numbers)
            step.note = self._told(
                "overload.rate.served_share", "overload.rate.refusal_p99_ms"
            )

    def _wrk(self, name, port, path, has_token=False):
        token = self.bench.token if has_token else None
        wall, cpu = wrk.requests_per_second(self.bench.shop, name, port, path, token=token)
        self.numbers.add(f"wrk.{name}.requests_per_s", wall)
        self.numbers.add(f"wrk.{name}.requests_per_cpu_s", cpu)
        return cpu

    def _echo_bytes(self):
        return len(self.bench.answer_body("echo", "/api/v1/echo"))

    def _one_each(self):
        limit = ("--duration-s", ONE_EACH_LIMIT_SECONDS)
        return ("--connections", CONNECTIONS, "--purchases-per-customer", 1, *limit)

    def _metered_crowd(self, sale, name, *options, is_selling=True):
        """(report, seconds of CPU time by tier)"""
        before = self.bench.meter.read()
        connections = () if "--connections" in options else ("--connections", CONNECTIONS)
        report = self.bench.crowd(sale, *connections, *options)
        cpu = spent(before, self.bench.meter.read())
        if is_selling:
            self.bench.require_all_sold(sale, report)
        generator = report["generator"]
        self.details["generator"][name] = {
            "cpu_share_of_a_core": round(
                (generator["cpu_user_s"] + generator["cpu_system_s"]) / report["elapsed_s"], 2
            ),
            "bottleneck_reasons": generator["bottleneck_reasons"],
            "fates": report["fates"],
            "connections": report["settings"]["connections"],
        }
        time.sleep(0.5)  # what the shop does after the last answer is not the next window's
        return report, cpu

    def _told(self, *names):
        parts = []
        for name in names:
            value = figures.rounded(self.numbers.last(name))
            parts.append(f"{name.split('.', 1)[-1]} {value:,g} {figures.unit_of(name)}".strip())
        return ", ".join(parts)
