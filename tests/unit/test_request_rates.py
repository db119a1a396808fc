"""How docs/rates.md comes about: a shard's recorded requests, and how many a second thousands of shards send."""

import pyarrow.parquet as pq
import pytest

from benchmarks.rates import Layout, Peak, by_chunk, simulate
from benchmarks.recorded_requests import RecordedShard, Request, record_clean
from local.quickstart.here.sample import sample_history

ONE = Layout(digits=1, shards_per_group=None, shards_per_file=8)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> RecordedShard:
    file = tmp_path_factory.mktemp("recorded") / "history.parquet"
    history = sample_history(400_000, seed=3)
    pq.write_table(history, file, row_group_size=100_000, compression="none", use_dictionary=False)
    return record_clean(file, "Peru")


def test_a_shard_s_requests_are_recorded_in_their_order(shard: RecordedShard):
    folders = {request.folder for request in shard.requests if request.method == "PUT"}

    assert (shard.rows, shard.chunks) == (400_000, 4 * 6)
    assert {"staging/cleaned", "staging/counts", "staging/totals"} < folders
    assert all(folder.startswith(("staging/", "quarantine/rule=")) for folder in folders)
    assert shard.requests[0].folder.startswith("raw")
    assert shard.requests[-1].folder == "staging/totals"
    assert sorted(request.at for request in shard.requests) == [request.at for request in shard.requests]
    assert 0 <= shard.requests[0].at < shard.requests[-1].at <= 1


def test_clean_asks_less_often_than_once_for_each_chunk(shard: RecordedShard):
    before = by_chunk(shard)

    assert sum(request.method == "GET" for request in before) == 24
    assert shard.number("GET") <= 8
    assert shard.number("PUT") == sum(request.method == "PUT" for request in before)


def test_shards_that_begin_together_ask_together():
    peaks = simulate([Request(0, "GET", "raw", 1), Request(0.9, "PUT", "staging/totals", 1)], 1_000, 50, ONE)

    assert peaks["GET"] == Peak(1_000, 1_000)
    assert peaks["PUT"].busiest < 200  # shards take 40 to 62 s


def test_prefixes_share_what_is_asked():
    requests = [Request(0, "GET", "raw", 1), Request(0, "PUT", "staging/totals", 1)]

    peaks = simulate(requests, 1_000, 50, Layout(digits=16, shards_per_group=10, shards_per_file=1))

    assert peaks["PUT"] == Peak(10, 1_000)
    assert 1_000 / 16 < peaks["GET"].busiest < 150
    assert peaks["GET"].all == 1_000


def test_each_folder_is_a_prefix():
    requests = [Request(0, "PUT", folder, 1) for folder in ("staging/totals", "staging/counts", "staging/counts")]

    assert simulate(requests, 100, 50, ONE)["PUT"] == Peak(200, 300)
