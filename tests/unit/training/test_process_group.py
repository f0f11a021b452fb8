"""Objects that the processes of a training exchange are unpickled only if one of them sent them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from xstilts.core.process_rank import ContactLost, ProcessRank
from xstilts.training.process_group import (
    SINGLE,
    _contact,
    joined,
    of_first,
    opened,
    signed,
    sum_of,
)


class Trap:
    """Fails the test when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("unpickled",))


def test_values_keep_their_types() -> None:
    value = [([3, 1], [("a", None), np.float32(0.1)])]
    assert opened(signed(value, "secret"), "secret") == value


@pytest.mark.parametrize(
    "message",
    [signed(Trap(), "another secret"), pickle.dumps(Trap()), signed(Trap(), "secret")[:-1], b""],
)
def test_a_message_without_the_secret_is_not_unpickled(message: bytes) -> None:
    with pytest.raises(ContactLost):
        opened(message, "secret")


def test_the_secret_is_not_shown() -> None:
    assert "hidden" not in repr(ProcessRank(0, 2, "file", "hidden"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NCCL Error 1: unhandled cuda error", RuntimeError),
        ("CUDA error: unspecified launch failure", RuntimeError),
        ("NCCL error in: P.cpp:1, remote process exited", ContactLost),
        ("Connection closed by peer", ContactLost),
    ],
)
def test_errors_of_a_gpu_are_no_lost_contact(text: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=text), _contact():
        raise RuntimeError(text)


def test_a_single_process_exchanges_nothing() -> None:
    with joined(ProcessRank()) as group:
        assert group is SINGLE
        assert (sum_of(group, 3), of_first(group, 4), group.gather("a")) == (3, 4, ["a"])
