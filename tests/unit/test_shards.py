"""How row groups are grouped into shards."""

import json

import pytest

from voucher_selection.contract.limits import MOST_COUNTRIES
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.shards import LARGEST_SHARD, MOST_PARTS, RowGroup, plan_shards


def file(key: str, *rows: int, size: int = 10) -> list[RowGroup]:
    return [
        RowGroup(key, f"etag of {key}", number, sum(rows[:number]), count, size) for number, count in enumerate(rows)
    ]


def part(key: str, first: int, end: int, first_row: int, rows: int) -> ShardPart:
    return ShardPart(
        key=key, etag=f"etag of {key}", first_row_group=first, end_row_group=end, first_row=first_row, rows=rows
    )


def test_a_small_file_is_one_shard():
    assert plan_shards(file("a", 100), 1000, 1000) == [Shard(number=0, parts=(part("a", 0, 1, 0, 100),))]


def test_row_groups_are_packed_up_to_the_target_of_rows():
    assert plan_shards(file("a", 40, 40, 40, 40, 40), 100, 1000) == [
        Shard(number=0, parts=(part("a", 0, 2, 0, 80),)),
        Shard(number=1, parts=(part("a", 2, 4, 80, 80),)),
        Shard(number=2, parts=(part("a", 4, 5, 160, 40),)),
    ]


def test_row_groups_are_packed_up_to_the_target_of_bytes():
    assert [shard.rows for shard in plan_shards(file("a", 1, 1, 1, size=60), 1000, 130)] == [2, 1]


def test_a_row_group_beyond_the_target_is_a_shard_of_its_own():
    assert [shard.rows for shard in plan_shards(file("a", 10, 500, 10), 100, 1000)] == [10, 500, 10]


def test_a_shard_goes_across_files():
    assert plan_shards([*file("a", 40, 40), *file("b", 40)], 80, 1000) == [
        Shard(number=0, parts=(part("a", 0, 2, 0, 80),)),
        Shard(number=1, parts=(part("b", 0, 1, 0, 40),)),
    ]
    assert len(plan_shards([*file("a", 40), *file("b", 40)], 80, 1000)[0].parts) == 2


def test_thousands_of_tiny_files_are_grouped_as_far_as_an_item_of_the_map_may_grow():
    groups = [group for number in range(1200) for group in file(f"part-{number}", 1)]

    shards = plan_shards(groups, 10**9, 10**12)

    assert [len(shard.parts) for shard in shards] == [MOST_PARTS, MOST_PARTS, 200]
    assert sum(shard.rows for shard in shards) == 1200


def test_an_item_of_the_map_stays_below_what_a_state_may_be_given():
    """With the longest names of as many countries as a run may have, and with the longest cause of a failure."""
    cause, countries = 32 * 1024, [f"{number:03d}" + "\U0001d306" * 61 for number in range(MOST_COUNTRIES)]
    for key in ("a", "raw/run_id=" + "r" * 80 + "/part-00000-aaaaaaaa.parquet", "\U0001d306" * 253):
        groups = [group for number in range(4 * MOST_PARTS) for group in file(f"{key}-{number}", 10**9)]

        shards = plan_shards(groups, 10**15, 10**15)

        items = [{"run_id": "r" * 80, "countries": countries, "shard": shard.model_dump()} for shard in shards]
        sizes = [len(json.dumps(item, ensure_ascii=False).encode()) for item in items]
        assert max(sizes) + cause < 256 * 1024
        assert sum(shard.rows for shard in shards) == 4 * MOST_PARTS * 10**9


def test_parts_of_long_keys_are_as_many_as_an_item_of_the_map_holds():
    groups = [group for number in range(400) for group in file("k" * 900 + f"-{number:03d}", 1)]

    shards = plan_shards(groups, 10**9, 10**12)

    assert max(len(shard.model_dump_json()) for shard in shards) <= LARGEST_SHARD + 100
    assert min(len(shard.model_dump_json()) for shard in shards[:-1]) > LARGEST_SHARD * 0.9


@pytest.mark.parametrize("letter", ["a", "é", "ლ", "\U0001d306", '"'])
@pytest.mark.parametrize("length", [20, 160, 1024])
def test_an_item_of_the_map_stays_below_it_with_sources_and_paths(length: int, letter: str):
    """It is given 256 KiB, countries and all, also where letters beyond ASCII are escaped as JSON allows."""
    name = letter * ((length - 8) // len(letter.encode()))
    groups = [
        RowGroup(f"raw/{name}{n:04}", "e" * 34, 0, 0, 1, 10, 10, f"s3://lake/{name}{n:04}", {"country_code": "Perú"})
        for n in range(MOST_PARTS + 1)
    ]

    shards = plan_shards(groups, 10**15, 10**15)

    items = [{"run_id": "r" * 80, "countries": ["ლ" * 30] * 300, "shard": shard.model_dump()} for shard in shards]
    assert max(len(json.dumps(item)) for item in items) + 32 * 1024 < 256 * 1024
    sizes = [len(json.dumps(shard.model_dump(), separators=(",", ":"))) for shard in shards]
    assert max(sizes) <= LARGEST_SHARD + len(shards[0].parts) + 100  # with commas
    assert [part.key for shard in shards for part in shard.parts] == [group.key for group in groups]


def test_a_part_has_what_its_file_and_its_path_say():
    values = {"country_code": "Peru", "total_orders": None}
    groups = [RowGroup("a", "e", n, n * 5, 5, 10, 99, "s3://lake/country_code=Peru/a", values) for n in range(2)]

    (shard,) = plan_shards(groups, 100, 100)

    (found,) = shard.parts
    assert (found.size, found.source, found.path_values) == (99, "s3://lake/country_code=Peru/a", values)
    assert (found.first_row_group, found.end_row_group, found.rows) == (0, 2, 10)
