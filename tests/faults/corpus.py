"""Parquet files that something is wrong with: damaged, hostile, or only odd; the same ones each time."""

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from local.quickstart.here.sample import sample_history
from tests.histories import GOOD_ROW, SCHEMA, history, parquet_bytes

NAMES = SCHEMA.names
# No error: the file is a history, and every one of its rows is accounted for.
ENDS_RIGHT = "ends right"
_MAGIC_AND_LENGTH = 8
_TERABYTE = 2**40
_MIB = 2**20


class Fault(NamedTuple):
    """Files of a source, and how a run over them must end.

    Attributes
    ----------
    files
        Makes them: names in the source's folder, and contents.
    ends
        `ENDS_RIGHT` or the names of errors, one of which it must be. Of a bit flip all of them can come: whether it
        hits a value, a length or nothing at all is chance.
    rows
        How many rows a run that ends right has read; None: what the files' footers say.
    """

    files: Callable[[], dict[str, bytes]]
    ends: frozenset[str]
    rows: int | None = None


_REFUSED = frozenset({"NotParquet", "WrongSchema", "EmptySource"})
_DAMAGED = frozenset({"NotParquet"})
_ANY = _REFUSED | {ENDS_RIGHT}
_RIGHT = frozenset({ENDS_RIGHT})


@cache
def sound_history() -> pa.Table:
    """Return the history that most files are a damaged copy of: 1,200 rows with quirks of their own."""
    return sample_history(1200, seed=5)


# How the copies are written. Flips and cuts are made in each, because each is read by other code.
WRITTEN: dict[str, dict[str, Any]] = {
    "plain": {"compression": "none", "use_dictionary": False},
    "dictionary": {"compression": "none"},
    "gzip": {"compression": "gzip"},
    "snappy": {"compression": "snappy", "use_dictionary": False},
    "zstd": {"compression": "zstd"},
    "pages v2": {"compression": "zstd", "data_page_version": "2.0", "data_page_size": 800, "write_batch_size": 64},
    "delta": {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": dict.fromkeys(NAMES[:3], "DELTA_BYTE_ARRAY") | {"first_order_ts": "DELTA_BINARY_PACKED"},
    },
    "checksums": {"compression": "none", "write_page_checksum": True},
}


@cache
def sound(written: str) -> bytes:
    """Return the sound history as a file, written in one of the ways of `WRITTEN`."""
    return parquet_bytes(sound_history(), row_group_size=400, **WRITTEN[written])


def faults() -> dict[str, Fault]:
    """Return the corpus, by what is wrong with each."""
    found: dict[str, Fault] = {}
    for family in (_cut, _flipped, _lying, _framed, _empty, _shaped, _mistyped, _mixed, _huge):
        for name, fault in family():
            assert name not in found, f"two faults are named {name!r}"
            found[name] = fault
    return found


def footer_start(content: bytes) -> int:
    """Return where the footer of a parquet file begins: behind its pages."""
    return len(content) - _MAGIC_AND_LENGTH - int.from_bytes(content[-8:-4], "little")


def _one(content: bytes) -> Callable[[], dict[str, bytes]]:
    return lambda: {"history.parquet": content}


def _cut() -> Iterator[tuple[str, Fault]]:
    """Yield files that end too early, at their beginning, in their pages, and in and just behind their footers."""
    for written in WRITTEN:
        content = sound(written)
        footer = footer_start(content)
        places = [1, 4, 11, footer // 3, footer - 1, footer + 9, (footer + len(content)) // 2, len(content) - 1]
        for place in places:
            yield f"{written}: cut after {place} bytes", Fault(_one(content[:place]), _DAMAGED)
    middle = len(sound("zstd")) // 2
    without_middle = sound("zstd")[: middle - 50] + sound("zstd")[middle + 50 :]
    yield "100 bytes of its middle are missing", Fault(_one(without_middle), _DAMAGED)


def _flipped() -> Iterator[tuple[str, Fault]]:
    """Yield files with bits that are not what they were, in their pages or in their footers.

    Without checksums a reader cannot know that a value is another one, so such a file may end right.
    """
    for written in WRITTEN:
        content = sound(written)
        footer = footer_start(content)
        chance = random.Random(written)
        regions = {"page": (4, footer, 11), "footer": (footer, len(content) - _MAGIC_AND_LENGTH, 11)}
        for region, (start, end, times) in regions.items():
            ends = _DAMAGED if (written, region) == ("checksums", "page") else _ANY
            for bits in [1] * (times - 3) + [8] * 3:
                flips = sorted((chance.randrange(start, end), chance.randrange(8)) for _ in range(bits))
                yield (
                    f"{written}: {bits} bits of its {region} from {flips[0]}",
                    Fault(_one(_flip(content, flips)), ends),
                )
    content = sound("dictionary")
    for column, start in _chunk_starts(content):
        for byte in range(4):
            flipped = _flip(content, [(start + byte, 6)])
            yield f"the head of its first page of {column}: byte {byte}", Fault(_one(flipped), _ANY)


def _flip(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    flipped = bytearray(content)
    for place, bit in flips:
        flipped[place] ^= 1 << bit
    return bytes(flipped)


def _chunk_starts(content: bytes) -> Iterator[tuple[str, int]]:
    row_group = pq.read_metadata(io.BytesIO(content)).row_group(0)
    for index in range(row_group.num_columns):
        chunk = row_group.column(index)
        yield chunk.path_in_schema, chunk.dictionary_page_offset or chunk.data_page_offset


def _lying() -> Iterator[tuple[str, Fault]]:
    """Yield files whose footers or pages claim sizes that they have not."""
    content = sound("plain")
    for claimed in (0, 1, len(content), 2**31 - 1, 2**32 - 1):
        lying = content[:-8] + claimed.to_bytes(4, "little") + content[-4:]
        yield f"a footer of {claimed} bytes", Fault(_one(lying), _DAMAGED)
    yield from _lying_about_rows()
    yield from _lying_about_levels()
    yield from _lying_about_pages()


def _lying_about_rows() -> Iterator[tuple[str, Fault]]:
    """Yield files that claim other numbers of rows: as a whole, in a row group, and in a column chunk."""
    content = sound("zstd")
    start = footer_start(content)
    for rows, of in ((1200, "file"), (400, "row group")):
        said = _field(rows)
        places = [place for place in range(start, len(content) - 8) if content[place : place + len(said)] == said]
        for number, place in list(enumerate(places))[::5]:
            for claimed in (0, -1, rows + 1, _TERABYTE, 2**62):
                footer = content[start:place] + _field(claimed) + content[place + len(said) : -8]
                name = f"{claimed} instead of {rows} rows of its {of}, place {number}"
                yield name, Fault(_one(content[:start] + _with_length(footer)), _DAMAGED)


def _lying_about_levels() -> Iterator[tuple[str, Fault]]:
    """Yield files that say of a column without nesting that it repeats: asked about it, Arrow ends the process."""
    content = sound("zstd")
    # Two fields of size statistics, lists of i64: no levels of repetition; of definition, none null and 400 values.
    histograms = b"\x19\x06" + b"\x19\x26\x00\xa0\x06"
    swapped = b"\x19\x26\x00\xa0\x06" + b"\x19\x06"
    start = footer_start(content)
    for name, place in {"first": content.index(histograms, start), "last": content.rindex(histograms, start)}.items():
        repeating = content[:place] + swapped + content[place + len(swapped) :]
        yield f"the {name} column without nulls repeats without nesting", Fault(_one(repeating), _DAMAGED)


def _lying_about_pages() -> Iterator[tuple[str, Fault]]:
    """Yield files whose last page claims another size, inflated or stored."""
    for written in ("plain", "zstd"):
        content = parquet_bytes(sound_history(), **(WRITTEN[written] | {"use_dictionary": False}))
        *_, (_, start) = _chunk_starts(content)
        first, second, third = _size_fields(content, start)
        for claimed in (0, -1, 2**30, 2**31 - 1):
            size = b"\x15" + _varint(claimed)
            inflated = content[:first] + size + content[second:]
            stored = content[:second] + size + content[third:]
            # Of a page that is not compressed, nobody asks for its inflated size.
            ends = _RIGHT | _DAMAGED if written == "plain" else _DAMAGED
            yield f"{written}: a page that claims {claimed} bytes inflated", Fault(_one(inflated), ends)
            yield f"{written}: a page that claims {claimed} bytes stored", Fault(_one(stored), _DAMAGED)


def _field(value: int) -> bytes:
    """Return the next field of a Thrift structure (compact protocol), an i64."""
    return b"\x16" + _varint(value)


def _varint(value: int) -> bytes:
    rest = (value << 1) ^ (value >> 63)  # zigzag
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def _size_fields(content: bytes, page: int) -> tuple[int, int, int]:
    """Return where the sizes of a page stand in its head, behind its type: inflated, stored; and where these end."""
    inflated = page + 2
    stored = _end_of_field(content, inflated)
    return inflated, stored, _end_of_field(content, stored)


def _end_of_field(content: bytes, start: int) -> int:
    place = start + 1
    while content[place] & 0x80:
        place += 1
    return place + 1


def _with_length(footer: bytes) -> bytes:
    return footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _framed() -> Iterator[tuple[str, Fault]]:
    """Yield files that are no parquet, or parquet in something else."""
    content = sound("zstd")
    footer = footer_start(content)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("history.parquet", content)
    contents = {
        "a zip of parquet": archive.getvalue(),
        "a gz of parquet": gzip.compress(content, mtime=0),
        "another magic at its beginning and end": b"PARX" + content[4:-4] + b"PARX",
        "another magic at its end": content[:-4] + b"PAR2",
        "the magic of an encrypted footer": content[:-4] + b"PARE",
        "only magic": b"PAR1PAR1",
        "an empty footer": b"PAR1" + _with_length(b""),
        "a footer of zeros": b"PAR1" + _with_length(bytes(500)),
        "nothing but zeros": bytes(4096),
        "noise": random.Random(1).randbytes(4096),
        "noise for a footer": content[:footer] + _with_length(random.Random(2).randbytes(600)),
        "noise for pages": b"PAR1" + random.Random(3).randbytes(footer - 4) + content[footer:],
        "a text": b"This is not a history.\n" * 50,
        "an Arrow stream": _arrow_stream(),
        "a newline behind it": content + b"\n",
    }  # fmt: skip
    for name, made in contents.items():
        yield f"no parquet: {name}", Fault(_one(made), _DAMAGED)
    # Only its end is looked at.
    yield "another magic at its beginning", Fault(_one(b"PARX" + content[4:]), _RIGHT | _DAMAGED)


def _arrow_stream() -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, sound_history().schema) as writer:
        writer.write_table(sound_history())
    return stream.getvalue()


def _empty() -> Iterator[tuple[str, Fault]]:
    """Yield sources with files that hold nothing."""
    empty = parquet_bytes(history())
    zero_row_groups = io.BytesIO()
    with pq.ParquetWriter(zero_row_groups, SCHEMA):
        pass
    yield "zero bytes", Fault(_one(b""), frozenset({"EmptySource"}))
    yield "zero rows", Fault(_one(empty), frozenset({"EmptySource"}))
    yield "zero row groups", Fault(_one(zero_row_groups.getvalue()), frozenset({"EmptySource"}))
    beside = {"a.parquet": empty, "b.parquet": zero_row_groups.getvalue(), "c.parquet": sound("zstd")}
    yield "files of zero rows beside one of many", Fault(lambda: beside, _RIGHT, 1200)
    zero_bytes = {"a.parquet": sound("zstd"), "b.parquet": b""}
    yield "zero bytes beside a sound file", Fault(lambda: zero_bytes, frozenset({"EmptySource"}))
    between = io.BytesIO()
    with pq.ParquetWriter(between, sound_history().schema) as writer:
        for rows in (sound_history(), sound_history().slice(0, 0), sound_history()):
            writer.write_table(rows)
    yield "a row group of zero rows between others", Fault(_one(between.getvalue()), _RIGHT, 2400)


def _shaped() -> Iterator[tuple[str, Fault]]:
    """Yield files with other columns than a history's: nested, doubled, very many, or with odd names."""
    table = sound_history()
    wrong, rows = frozenset({"WrongSchema"}), table.num_rows
    nested = pa.StructArray.from_arrays([table["country_code"].combine_chunks()] * 2, names=["country_code", "list"])
    lists = pa.array([[1, 2]] * rows)
    for name, column in {"structures": nested, "lists": lists, "maps": pa.array([[("a", 1)]] * rows, _MAP)}.items():
        yield f"{name} for country_code", Fault(_one(parquet_bytes(_with(table, "country_code", column))), wrong)
        yield (
            f"{name} beside its columns",
            Fault(_one(parquet_bytes(table.append_column("more", column))), _RIGHT, rows),
        )
    for column in NAMES:
        yield f"without {column}", Fault(_one(parquet_bytes(table.drop_columns([column]))), wrong)
        yield f"two columns {column}", Fault(_one(parquet_bytes(table.append_column(column, table[column]))), wrong)
        nulls = pa.nulls(rows)
        yield (
            f"nothing but nulls, of no type, in {column}",
            Fault(_one(parquet_bytes(_with(table, column, nulls))), _RIGHT),
        )
    numbers = pa.array(range(rows))
    doubled = table.append_column("more", numbers).append_column("more", numbers)
    yield "two columns that are ignored have one name", Fault(_one(parquet_bytes(doubled)), _RIGHT, rows)
    odd = table.append_column("", numbers).append_column("a.b", numbers).append_column("país\n\0'\"", numbers)
    yield "columns with odd names", Fault(_one(parquet_bytes(odd)), _RIGHT, rows)
    many = {f"column_{number}": pa.array([number]) for number in range(10_000)}
    yield "10,000 columns and none of ours", Fault(lambda: {"wide.parquet": parquet_bytes(pa.table(many))}, wrong)
    ours = {name: pa.array([GOOD_ROW[name]], SCHEMA.field(name).type) for name in NAMES}
    yield "10,000 columns beside ours", Fault(lambda: {"wide.parquet": parquet_bytes(pa.table(many | ours))}, _RIGHT, 1)
    for levels, ends in ((50, _RIGHT), (150, _DAMAGED)):
        deep = pa.array([1])
        for _ in range(levels):
            deep = pa.StructArray.from_arrays([deep], names=["in"])
        yield (
            f"a column {levels} levels deep",
            Fault(_one(parquet_bytes(history({}).append_column("deep", deep))), ends, 1),
        )
    content = sound("plain")
    for name in (b"country_code", b"last_order_ts"):  # no UTF-8
        renamed = content.replace(name, b"\xff\xfe" + name[2:])
        yield f"a name that is no text for {name.decode()}", Fault(_one(renamed), _REFUSED)


_MAP = pa.map_(pa.string(), pa.int64())


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


def _mistyped() -> Iterator[tuple[str, Fault]]:
    """Yield files with each column of types that cannot hold its values, and text that is none."""
    rows = 50
    table = sound_history().slice(0, rows)
    others = {
        "booleans": pa.array([True] * rows),
        "times of day": pa.array([1] * rows, pa.time64("us")),
        "durations": pa.array([1] * rows, pa.duration("s")),
    }
    of_bytes = {
        "bytes": pa.array([b"Peru"] * rows),
        "bytes of one length": pa.array([b"Peru"] * rows, pa.binary(4)),
        "bytes that are no UTF-8": pa.array([b"Per\xfa", None, b"\xff" * 10] + [b"2018-04-20"] * (rows - 3)),
    }
    numbers = {"integers": pa.array(range(rows)), "floats": pa.array([0.5] * rows)}
    refused = {
        "timestamp": others | numbers,
        "country_code": others | numbers,
        "last_order_ts": others | numbers,
        "first_order_ts": others | numbers,
        "total_orders": others | {"dates": pa.array([1] * rows, pa.date32())},
        "voucher_amount": others | {"dates": pa.array([1] * rows, pa.date32())},
    }
    for name, columns in refused.items():
        for kind, column in columns.items():
            yield (
                f"{kind} for {name}",
                Fault(_one(parquet_bytes(_with(table, name, column))), frozenset({"WrongSchema"})),
            )
    for name in refused:
        for kind, column in (of_bytes | {"text": pa.array(["2640.0"] * rows)}).items():
            yield f"{kind} for {name}", Fault(_one(parquet_bytes(_with(table, name, column))), _RIGHT, rows)
    for name in ("timestamp", "country_code", "last_order_ts", "total_orders"):
        for written in ("plain", "dictionary"):
            latin = pa.array([b"Per\xfa", None, b"\xff" * 10] + [b"2018-04-20"] * (rows - 3), pa.binary()).view(
                pa.string()
            )
            content = parquet_bytes(_with(table, name, latin), **WRITTEN[written])
            yield f"{written}: text of {name} that is no UTF-8", Fault(_one(content), _DAMAGED)


def _mixed() -> Iterator[tuple[str, Fault]]:
    """Yield folders of files that differ: a bad one among good ones, or good ones of different schemas."""
    table = sound_history()
    good = sound("snappy")
    bad = {
        "a damaged footer": (_flip(sound("gzip"), [(footer_start(sound("gzip")) + 1, 7)]), _DAMAGED),
        "a damaged page": (b"PAR1" + bytes(2000) + good[2004:], _DAMAGED),
        "a column too few": (parquet_bytes(table.drop_columns(["timestamp"])), frozenset({"WrongSchema"})),
        "CSV without the columns": (b"timestamp,country_code\n", frozenset({"WrongSchema"})),
    }
    for name, (content, ends) in bad.items():
        files = {"a.parquet": good, "b.parquet": content, "c.parquet": good}
        yield f"a folder of good files and {name}", Fault(lambda files=files: files, ends)
    number = pa.array(np.arange(1200) % 40)
    as_text = table["first_order_ts"].combine_chunks().cast(pa.string())
    differing = {
        "a.parquet": good,
        "b.parquet": parquet_bytes(_with(table, "total_orders", number.cast(pa.int8()))),
        "c.parquet": parquet_bytes(_with(table, "total_orders", number.cast(pa.decimal128(30, 2)))),
        "d.parquet": parquet_bytes(_with(table, "first_order_ts", as_text).select(NAMES[::-1]), compression="gzip"),
        "e.parquet": parquet_bytes(_with(table, "voucher_amount", number.cast(pa.float32()))),
        "f.parquet": parquet_bytes(pa.table({n: table[n].dictionary_encode() for n in NAMES})),
    }
    yield "a folder of files with other types of the same columns", Fault(lambda: differing, _RIGHT, 7200)


def _huge() -> Iterator[tuple[str, Fault]]:
    """Yield small files that become very large in memory, or hold very many rows."""
    yield "6 million rows alike", Fault(_many_rows_alike, _RIGHT, 6_000_000)
    for name in ("timestamp", "country_code", "last_order_ts", "total_orders"):
        files = lambda name=name: {"bomb.parquet": _one_long_text_in_every_row(name)}  # noqa: E731
        yield f"16 MiB of text in each of 100,000 rows of {name}", Fault(files, _DAMAGED)
    yield "a page of 1 GiB, all zeros, in 32 KiB", Fault(_page_of_zeros, _DAMAGED)


def _many_rows_alike() -> dict[str, bytes]:
    row = GOOD_ROW | {"first_order_ts": datetime(2018, 1, 1)}
    one = {name: pa.array([row[name]], SCHEMA.field(name).type) for name in NAMES}
    rows = pa.table(
        {name: pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, np.int8)), one[name]) for name in NAMES}
    )
    content = io.BytesIO()
    with pq.ParquetWriter(content, rows.schema, compression="zstd") as writer:
        writer.write_table(pa.concat_tables([rows] * 6), row_group_size=6_000_000)
    return {"alike.parquet": content.getvalue()}


def _one_long_text_in_every_row(name: str) -> bytes:
    table = history(*[{}] * 100_000)
    text = pa.array(["x" * (16 * _MIB)])
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.num_rows, np.int8)), text)
    return parquet_bytes(_with(table, name, long), compression="zstd", dictionary_pagesize_limit=2**30)


def _page_of_zeros() -> dict[str, bytes]:
    """Put such a page where the one of the last column was, which does not fit into fewer bytes."""
    table = history(*[{}] * 20_000)
    noise = pa.array(np.random.default_rng(1).random(table.num_rows))
    content = parquet_bytes(_with(table, "voucher_amount", noise), compression="zstd", use_dictionary=False)
    *_, (_, start) = _chunk_starts(content)
    zeros = _zstd_zeros(2**30)
    # A data page of so many values, inflated and stored bytes; plain, its levels run-length encoded.
    sizes = b"\x15\x00\x15" + _varint(2**30) + b"\x15" + _varint(len(zeros))
    page = sizes + b"\x2c\x15" + _varint(table.num_rows) + b"\x15\x00\x15\x06\x15\x06\x00\x00" + zeros
    return {"bomb.parquet": content[:start] + page + content[start + len(page) :]}


def _zstd_zeros(size: int) -> bytes:
    """Return a Zstandard frame of zeros (RFC 8878): one segment, in blocks that repeat one byte 128 Ki times."""
    most = 128 * 1024
    blocks = size // most
    repeated = [(most << 3 | 1 << 1 | (number == blocks - 1)).to_bytes(3, "little") + b"\0" for number in range(blocks)]
    return b"\x28\xb5\x2f\xfd\xa0" + size.to_bytes(4, "little") + b"".join(repeated)
