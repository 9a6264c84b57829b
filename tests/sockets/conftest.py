"""A door with short patience, and small limits where a test reaches them."""

import pytest
from two_rooms import TwoRooms

HEADER_TIMEOUT_S = 1.0
BODY_TIMEOUT_S = 1.0
IDLE_TIMEOUT_S = 2.0
BODY_BYTES_MAX = 65536
HEADER_BYTES_MAX = 16384
HEADER_FIELDS_MAX = 100


@pytest.fixture(scope="session")
def rooms(tmp_path_factory):
    started = TwoRooms(
        tmp_path_factory.mktemp("sockets"),
        HEADER_TIMEOUT_MS=int(HEADER_TIMEOUT_S * 1000),
        BODY_TIMEOUT_MS=int(BODY_TIMEOUT_S * 1000),
        IDLE_TIMEOUT_MS=int(IDLE_TIMEOUT_S * 1000),
        BODY_BYTES_PER_S_MIN=1000,
        BODY_BYTES_MAX=BODY_BYTES_MAX,
        HEADER_BYTES_MAX=HEADER_BYTES_MAX,
        HEADER_FIELDS_MAX=HEADER_FIELDS_MAX,
    )
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def connection(rooms):
    with rooms.gateway.connect() as opened:
        yield opened
