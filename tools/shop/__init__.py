"""A whole shop on 127.0.0.1: PostgreSQL, Redis with sentinels and its rooms as ordinary
processes. See README.md of this folder."""
