"""Fetching: the parts of a remote parquet file that will be read, in as few requests as fixed memory allows."""

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from operator import attrgetter
from threading import Lock
from typing import NamedTuple, override

import pyarrow.parquet as pq

from voucher_selection.adapters.parquet.columns import Opener, RowGroups
from voucher_selection.adapters.parquet.footers import chunk_indices
from voucher_selection.adapters.seekable import SeekableFile

# Up to this size, what is read of a row group is fetched whole, and neighbours are fetched together.
_WHOLE_BYTES = 32 * 1024 * 1024
_TOGETHER_BYTES = 16 * 1024 * 1024
# Of a larger row group, each column chunk is fetched in windows.
_WINDOW_BYTES = 4 * 1024 * 1024
# To fetch so many bytes that nobody reads takes no longer than another request.
_HOLE_BYTES = 1024 * 1024
# One thread fetches what is read, another what will be; a large row group is read in several places.
_AT_ONCE = 4


class Span(NamedTuple):
    """Bytes of a file that one request fetches, from `start` to the one before `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.end - self.start


type Step = list[list[Span]]
"""What is read at the same time: in each of its lanes, one span after the other."""


def plan_fetches(metadata: pq.FileMetaData, row_groups: RowGroups, columns: list[str]) -> list[Step]:
    """Return what to fetch of the row groups, step by step.

    A step is a row group, or neighbours that are small together. Of a large row group, each column chunk is a lane.
    """
    chunks = chunk_indices(metadata, columns).values()
    steps: list[Step] = []
    for number in range(row_groups.first, row_groups.end):
        row_group = metadata.row_group(number)
        stored = sorted(_span_of(row_group.column(chunk)) for chunk in chunks)
        joined = _joined(stored)
        if sum(map(attrgetter("size"), joined)) > _WHOLE_BYTES:
            steps.append([list(_windows(span)) for span in stored])
        elif steps and (both := _both(steps[-1], joined)):
            steps[-1] = [[both]]
        elif joined:
            steps.append([[span] for span in joined])
    return steps


def _span_of(chunk: pq.ColumnChunkMetaData) -> Span:
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return Span(start, start + chunk.total_compressed_size)


def _joined(spans: list[Span]) -> list[Span]:
    """Join spans, which are in order, where little or nothing lies between them."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end <= _HOLE_BYTES:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _both(step: Step, following: list[Span]) -> Span | None:
    """Return one span for a step and the row group after it; None if they are to be fetched apart."""
    match step, following:
        case [[before]], [after]:
            both = Span(before.start, after.end)
            near = 0 <= after.start - before.end <= _HOLE_BYTES
            return both if near and both.size <= _TOGETHER_BYTES else None
        case _:
            return None


def _windows(span: Span) -> Iterator[Span]:
    for start in range(span.start, span.end, _WINDOW_BYTES):
        yield Span(start, min(start + _WINDOW_BYTES, span.end))


@contextmanager
def fetched_ahead(
    open_file: Opener, metadata: pq.FileMetaData, row_groups: RowGroups, columns: list[str]
) -> Iterator[Opener]:
    """Yield an opener whose files share what is fetched of the row groups; the columns' chunks are fetched ahead.

    Each row group is fetched once for all files of the opener, if these are read at about the same pace. Only a remote
    file is fetched; `open_file` itself is yielded for any other.
    """
    file = open_file()
    if not isinstance(file, SeekableFile):
        yield lambda: file if isinstance(file, str) else open_file()
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        fetched = _Fetched(file, plan_fetches(metadata, row_groups, columns), threads)
        try:
            yield lambda: _FetchedFile(fetched)
        finally:
            threads.shutdown(cancel_futures=True)


class _Place(NamedTuple):
    """Where a span is in the plan: the step, the lane and the place in the lane."""

    step: int
    lane: int
    number: int


class _Fetched:
    """The spans of a file that are in memory: those that are read, the next, and the last before."""

    def __init__(self, file: SeekableFile, steps: list[Step], threads: ThreadPoolExecutor) -> None:
        self.file = file
        self._steps = steps
        self._threads = threads
        self._lock = Lock()
        self._held: dict[_Place, Future[bytes]] = {}
        self._placed = sorted(
            (span, _Place(step, lane, number))
            for step, lanes in enumerate(steps)
            for lane, spans in enumerate(lanes)
            for number, span in enumerate(spans)
        )

    def piece(self, start: int, end: int) -> bytes:
        """Return bytes from `start` on: up to `end`, or up to the end of the span that they lie in."""
        index = bisect_right(self._placed, start, key=lambda placed: placed[0].start)
        if index:
            span, place = self._placed[index - 1]
            if start < span.end:
                return self._content(place)[start - span.start : min(end, span.end) - span.start]
        # What is in no span: a footer's pages of the index, or padding of some writers.
        next_start = self._placed[index][0].start if index < len(self._placed) else end
        return self.file.fetch(start, min(end, next_start))

    def _content(self, place: _Place) -> bytes:
        with self._lock:
            content = self._asked(place)
            if following := self._following(place):
                self._asked(following)
            for passed in [held for held in self._held if _is_passed(held, place)]:
                del self._held[passed]
        return content.result()

    def _asked(self, place: _Place) -> Future[bytes]:
        if place not in self._held:
            step, lane, number = place
            self._held[place] = self._threads.submit(self.file.fetch, *self._steps[step][lane][number])
        return self._held[place]

    def _following(self, place: _Place) -> _Place | None:
        """Return the next span of the lane; after its last one, the next step if that is one span."""
        if place.number + 1 < len(self._steps[place.step][place.lane]):
            return place._replace(number=place.number + 1)
        following = place.step + 1
        is_one = following < len(self._steps) and [len(spans) for spans in self._steps[following]] == [1]
        return _Place(following, 0, 0) if is_one else None


def _is_passed(held: _Place, place: _Place) -> bool:
    """Return whether all readers are past a span if one reads at `place`: another may be a little behind."""
    if held.step == place.step:
        return held.lane == place.lane and held.number < place.number - 1
    return held.step < place.step - 1


class _FetchedFile(SeekableFile):
    """A file of its own position over the spans that it shares with others."""

    def __init__(self, fetched: _Fetched) -> None:
        super().__init__(fetched.file.size)
        self._fetched = fetched

    @override
    def fetch(self, start: int, end: int) -> bytes:
        pieces: list[bytes] = []
        while start < end:
            pieces.append(self._fetched.piece(start, end))
            start += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
