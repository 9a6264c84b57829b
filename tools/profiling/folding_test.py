"""Folding and drawing, without perf: run by ctest."""

import unittest

from profiling.flame_graph import draw
from profiling.folding import fold, kind_of, shares, short

SCRIPT = """\
order  11 100.1: 1 cpu-clock:
\tffff0001 tcp_sendmsg+0x10 ([kernel.kallsyms])
\t    0002 http::Server::Core::serve(boost::asio::any<int>)+0x3 (/bin/order)
\t    0003 main+0x1 (/bin/order)

gateway  12 100.2: 1 cpu-clock:
\t    0004 json::parse(std::basic_string_view<char>)+0x10 (/bin/gateway)
\t    0003 main+0x1 (/bin/gateway)

"""


class Folding(unittest.TestCase):
    def setUp(self):
        self.stacks = fold(SCRIPT, {11: "order", 12: "gateway"}.get)

    def test_stacks_begin_with_their_tier_and_end_with_the_innermost_frame(self):
        self.assertEqual(
            set(self.stacks),
            {
                ("order", "main", "http::Server::Core::serve", "[k] tcp_sendmsg"),
                ("gateway", "main", "json::parse"),
            },
        )

    def test_names_lose_what_nobody_reads(self):
        self.assertEqual(short("a::b<c<d>, e>::f(int)+0x10"), "a::b::f")

    def test_kinds_go_by_the_innermost_telling_frame(self):
        self.assertEqual(
            sorted(kind_of(stack) for stack in self.stacks), ["JSON and text", "kernel: network"]
        )
        self.assertEqual(shares(self.stacks)["order"]["kernel: network"], 1)

    def test_the_picture_shows_every_frame(self):
        picture = draw(self.stacks, "a title")
        for name in ("json::parse", "http::Server::Core::serve", "a title", "50.0 %"):
            self.assertIn(name, picture)


if __name__ == "__main__":
    unittest.main()
