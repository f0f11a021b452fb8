"""Pins: artifacts of a store that are kept, whatever else is removed.

STORE/pins/ID.json is one pin: a JSON object with the digest of itself, the name that it was made
under, keys of stages, a note, who made it and when. A pin that cannot be read keeps everything,
as nobody knows which stages it names.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from xstilts.core.artifact import unreadable
from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import digest_of, with_digest, without_digest
from xstilts.core.store_layout import KEY, PIN, PINS

ID_DIGITS = 16


@dataclass(frozen=True)
class Pin:
    """Stages whose artifacts are kept.

    Args:
        name: of an experiment, or what else the stages were chosen by.
        keys: of the stages, sorted.
        by: the user who made the pin; empty if unknown.
        when: seconds since the epoch.
    """

    name: str
    keys: tuple[str, ...]
    note: str = ""
    by: str = ""
    when: float = 0.0


class Pins:
    """The pins of a store, as they were when they were first read.

    Args:
        root: the store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / PINS

    def is_pinned(self, key: str) -> bool:
        """Whether a stage's artifact is kept; every one is if a pin cannot be read.

        Raises:
            StoreError: the operating system cannot read the pins.
        """
        return bool(self.damaged) or key in self.keys

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all pins that can be read."""
        return frozenset(key for pin in self.all for key in pin.keys)

    @property
    def all(self) -> tuple[Pin, ...]:
        """The pins that can be read, by name."""
        pins = (pin for pin in self._read.values() if isinstance(pin, Pin))
        return tuple(sorted(pins, key=lambda pin: pin.name))

    @property
    def damaged(self) -> dict[str, str]:
        """File name → what is wrong, of the pins that cannot be read."""
        return {name: pin for name, pin in self._read.items() if isinstance(pin, str)}

    def add(self, name: str, keys: Iterable[str], note: str = "") -> Pin:
        """Make a pin, in place of one of the same name.

        Raises:
            OSError: it cannot be written.
        """
        pin = Pin(name, tuple(sorted(set(keys))), note, _user(), round(time.time(), 3))
        write_json(self._path(name), with_digest(asdict(pin)))
        self._forget()
        return pin

    def remove(self, name: str) -> bool:
        """Remove the pin of a name; whether there was one.

        Raises:
            OSError: it cannot be removed.
        """
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        self._forget()
        return True

    def _path(self, name: str) -> Path:
        return self.folder / f"{digest_of(name)[:ID_DIGITS]}.json"

    @cached_property
    def _read(self) -> dict[str, Pin | str]:
        """File name → the pin, or what is wrong with it."""
        pins: dict[str, Pin | str] = {}
        try:
            names = sorted(filter(PIN.fullmatch, os.listdir(self.folder)))
        except FileNotFoundError:
            return pins
        except OSError as error:
            raise unreadable(self.folder, error) from error
        for name in names:
            try:
                pin = _pin_in((self.folder / name).read_bytes())
                is_other = isinstance(pin, Pin) and self._path(pin.name).name != name
                pins[name] = "it is that of another name" if is_other else pin
            except FileNotFoundError:  # removed by another process just now
                continue
            except OSError as error:
                raise unreadable(self.folder / name, error) from error
        return pins

    def _forget(self) -> None:
        for name in ("_read", "keys"):
            self.__dict__.pop(name, None)


def _pin_in(data: bytes) -> Pin | str:
    """The pin in a file's bytes, or what is wrong with it."""
    try:
        written = json.loads(data)
        if not isinstance(written, dict):
            return "it is not a JSON object"
        pin = Pin(**without_digest(written))
        pin = Pin(pin.name, tuple(pin.keys), pin.note, pin.by, float(pin.when))
    except (ValueError, TypeError, RecursionError) as error:
        return f"it cannot be read: {error}"
    if not all(isinstance(text, str) for text in (pin.name, pin.note, pin.by)):
        return "its name, note or user is no text"
    if not all(isinstance(key, str) and KEY.fullmatch(key) for key in pin.keys):
        return "its keys are not those of stages"
    return pin


def _user() -> str:
    with suppress(OSError, KeyError, ImportError):  # a user number without a name
        return getpass.getuser()
    return ""
