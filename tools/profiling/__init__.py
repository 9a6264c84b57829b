"""Where the CPU time of a purchase goes: perf samples, folded and drawn."""
