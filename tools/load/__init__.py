"""The load run of `make load`: k6, the shop, the ceiling, and the report. See README.md."""
