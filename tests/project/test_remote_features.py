"""The example of remote features, against a real Redis server where one is installed."""

import runpy
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed"
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "remote_features.py"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server of the test's own, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        ["redis-server", *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"redis://127.0.0.1:{port}/0"
    with redis.Redis.from_url(address) as client:
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        else:
            server.kill()
            pytest.fail("the server did not start")
    yield address
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture(autouse=True)
def close_connections(example):
    yield
    example["client_of"].cache_clear()


def test_only_rows_that_are_left_open_are_asked_for_in_one_call_a_batch(url, example):
    result = example["main"](["--url", url, "--rows", "12000"])
    assert result["n_stages"] == 2
    assert 0 < result["n_left"] < result["n_rows"]
    assert result["costs"]["history"] > 0
    # All 6,000 rows are one chunk of the cascade: one call, for each open user once.
    assert result["pipeline"]["calls"] == 1
    assert result["cascade"]["calls"] == 1
    assert result["cascade"]["keys"] == len(set(result["users_left"]))
    assert result["cascade"]["keys"] < result["pipeline"]["keys"]
    assert result["cascade"]["accuracy"] >= 0.98 * result["pipeline"]["accuracy"]
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0


def test_unknown_ids_get_the_default(url, example):
    features = example["RedisFeatures"](url, "prefix:", 2, default=-1.0)
    with redis.Redis.from_url(url) as client:
        client.set("prefix:7", np.array([1.5, 2.5]).tobytes())
        found = features.fit(np.array([[7]])).transform(np.array([[8], [7], [8]]))
        client.delete("prefix:7")
    assert_array_equal(found, [[-1, -1], [1.5, 2.5], [-1, -1]])


def test_a_server_that_is_down_is_an_error_not_a_default(example):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        features = example["RedisFeatures"](url, "prefix:", 2).fit(np.array([[7]]))
        with pytest.raises(redis.ConnectionError):
            features.transform(np.array([[7]]))
