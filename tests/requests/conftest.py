"""Options of the random requests; README.md in this folder."""
import pathlib
import random
import os
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "spec")]

SECONDS_DEFAULT = 15


def pytest_addoption(parser):
    parser.addoption("--seconds", type=float, default=SECONDS_DEFAULT, help="how long requests are sent")


@pytest.fixture
def seconds(request):
    return request.config.getoption("--seconds")


@pytest.fixture
def seed():
    chosen = os.environ.get("INSULA_TEST_SEED") or str(random.randrange(10**9))
    print(f"seed {chosen}: repeat with INSULA_TEST_SEED={chosen}")
    return chosen
