"""Arrays written part by part are the files that NumPy writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xstilts.formats.growing_arrays import GrowingArray, GrowingOffsets


@pytest.mark.parametrize("count", [0, 1, 99_999])
def test_a_file_written_in_parts_has_the_bytes_of_one_written_at_once(
    count: int, tmp_path: Path
) -> None:
    values = np.arange(count, dtype=np.int32)
    with GrowingArray(tmp_path / "parts.npy", np.int32) as array:
        for part in np.array_split(values, 7):
            array.append(part)
    np.save(tmp_path / "whole.npy", values)
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_wider_type_widens_what_was_written(tmp_path: Path) -> None:
    with GrowingArray(tmp_path / "a.npy", np.int32) as array:
        array.append(np.array([3, -1], dtype=np.int32))
        array.append(np.array([0.1]))
        array.append(np.array([7], dtype=np.int32))
    read = np.load(tmp_path / "a.npy")
    assert read.dtype == np.float64
    assert read.tolist() == [3.0, -1.0, 0.1, 7.0]


def test_offsets_start_at_zero_and_continue_over_parts(tmp_path: Path) -> None:
    with GrowingOffsets(tmp_path / "ends.npy") as ends:
        ends.append(np.array([2, 0]))
        ends.append(np.array([], dtype=np.int64))
        ends.append(np.array([5]))
    assert np.load(tmp_path / "ends.npy").tolist() == [0, 2, 2, 7]
