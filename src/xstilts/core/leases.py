"""Who works on a stage, also on several machines: leases that end when their holder is silent.

STORE/leases/KEY/N is the lease with fencing number N of a stage: JSON that names its holder. The
holder creates the file exclusively, touches it every few seconds, and removes it in the end. The
highest number counts. A lease that nobody has touched for a minute of the observer's own time, or
whose process on this machine has ended, is taken over by creating the next number. A holder that
was paused meanwhile finds that its lease is lost, and publishes nothing.

Exclusive creation works on network file systems (NFS from version 3), where locks may not; no two
clocks are compared. Source of the pattern: Gray and Cheriton 1989, "Leases"; fencing numbers as in
Chubby (Burrows 2006), where they are called sequencers.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from xstilts.core.artifact import ABSENT
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.store_layout import remove_folder

HEARTBEAT = 5.0
"""Seconds between two touches."""
EXPIRY = 60.0
"""Seconds without a touch after which a lease counts as abandoned."""

SILENT = 3_600.0
"""The same for an observer that does not wait, and compares the clocks of two machines."""


LATEST = 1e11
"""Seconds since the epoch; a later time is damage, and not a date."""


class LeaseLost(Exception):
    """The lease of the running stage was taken over by another process."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lease.

    Args:
        host: its machine's name.
        boot: identifies the running system and its process numbers; empty if unknown.
        process: its number, and when it started, as numbers are used again.
        since: seconds since the epoch, by its own clock.
    """

    host: str
    boot: str
    process: int
    started: str
    since: float

    @property
    def text(self) -> str:
        """The holder in words."""
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"process {self.process} on {self.host}, since {since}"

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this system and is gone."""
        here = _boot()
        if not here or self.boot != here:
            return False
        started = _started(self.process)
        return started != self.started and (bool(started) or not _exists(self.process))


@dataclass(frozen=True)
class Lease:
    """A lease that this process holds."""

    path: Path
    text: str

    @property
    def is_held(self) -> bool:
        """Whether it is still there, and no newer one."""
        try:
            is_own = self.path.read_bytes() == self.text.encode()
        except ABSENT:
            return False
        return is_own and _highest(self.path.parent) == int(self.path.name)


@dataclass(frozen=True)
class HeldElsewhere:
    """A lease of another process; none if its file cannot be read."""

    holder: Holder | None

    @property
    def text(self) -> str:
        """The holder in words."""
        return self.holder.text if self.holder else "another process"


class Leases:
    """The leases of a store.

    Args:
        folder: theirs.
        clock: seconds that only this process's own waiting is measured by.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._clock = folder, clock
        self._seen: dict[Path, tuple[int, float]] = {}
        """Lease → its last touch, and when this process saw it first."""

    @contextmanager
    def hold(
        self, key: str, on_loss: Callable[[], None] | None = None
    ) -> Iterator[Lease | HeldElsewhere]:
        """Hold the lease of a stage for the block, unless another process holds it.

        Args:
            on_loss: called from another thread when the lease was taken over.
        """
        lease = self.take(key)
        if isinstance(lease, HeldElsewhere):
            yield lease
            return
        stop = threading.Event()
        arguments = (lease, stop, on_loss)
        thread = threading.Thread(target=_keep, args=arguments, daemon=True)
        thread.start()
        try:
            yield lease
        finally:
            stop.set()
            thread.join()
            with suppress(OSError):
                if lease.is_held:
                    lease.path.unlink(missing_ok=True)
                lease.path.parent.rmdir()

    def take(self, key: str) -> Lease | HeldElsewhere:
        """Take the lease of a stage if nobody holds it, or its holder is gone."""
        folder = self.folder / key
        _make_folder(folder)
        number = _highest(folder)
        if number and (other := self._other(folder / str(number))):
            return other
        text = json.dumps(with_digest(asdict(this_process())))
        path = folder / str(number + 1)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            return HeldElsewhere(_holder(path))
        except FileNotFoundError:  # a holder that ended has removed the empty folder
            return self.take(key)
        for old in range(max(1, number - 1), number + 1):
            _remove(folder / str(old))
        return Lease(path, text)

    def newest(self, key: str) -> tuple[float, Holder | None] | None:
        """When a stage's newest lease was touched, and its holder if known; None without a lease.

        Seconds since the epoch, by the clock of the store's disk. Nothing is written.
        """
        folder = self.folder / key
        path = folder / str(_highest(folder))
        try:
            return path.stat().st_mtime, _holder(path)
        except ABSENT:
            return None

    def is_held(self, key: str, silent: float = SILENT, now: float | None = None) -> bool:
        """Whether a process works on a stage, or may do so on another machine.

        Nothing is written, and nothing waited for: one that has not touched its lease for long is
        gone.

        Args:
            silent: seconds without a touch.
            now: seconds since the epoch.
        """
        newest = self.newest(key)
        if newest is None:
            return False
        touched, holder = newest
        now = time.time() if now is None else now
        return not (holder and holder.has_ended) and now - touched < silent

    def _other(self, path: Path) -> HeldElsewhere | None:
        """The holder of a lease, unless it is gone."""
        try:
            with path.open("rb") as file:  # opening makes network file systems look again
                touched = os.fstat(file.fileno()).st_mtime_ns
        except ABSENT:
            return None
        except OSError:  # it cannot be read, but its holder may touch it
            touched = path.lstat().st_mtime_ns
        holder = _holder(path)
        before, first_seen = self._seen.get(path, (None, 0.0))
        if touched != before:
            first_seen = self._clock()
            self._seen[path] = (touched, first_seen)
        if (holder and holder.has_ended) or self._clock() - first_seen > EXPIRY:
            self._seen.pop(path, None)
            return None
        return HeldElsewhere(holder)


def _keep(lease: Lease, stop: threading.Event, on_loss: Callable[[], None] | None) -> None:
    """Touch a lease until `stop` is set or it is lost."""
    while not stop.wait(HEARTBEAT):
        try:
            is_held = lease.is_held
            if is_held:
                os.utime(lease.path)
        except OSError:  # such as a disk that does not answer: the next touch may succeed
            continue
        if not is_held:
            if on_loss:
                on_loss()
            return


def _highest(folder: Path) -> int:
    """The highest number of a stage's leases; 0 without one."""
    try:
        return max((int(name) for name in os.listdir(folder) if name.isdecimal()), default=0)
    except ABSENT:
        return 0


def _holder(path: Path) -> Holder | None:
    """The holder that a lease names; None if the file was just created, removed, or is damaged."""
    try:
        holder = Holder(**without_digest(json.loads(path.read_bytes())))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    texts = (holder.host, holder.boot, holder.started)
    is_complete = all(isinstance(text, str) for text in texts) and isinstance(holder.process, int)
    is_date = isinstance(holder.since, int | float) and 0 <= holder.since < LATEST
    return holder if is_complete and is_date else None


def _make_folder(path: Path) -> None:
    """Make a stage's folder of leases; a file that has taken its name is removed."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        path.unlink(missing_ok=True)
        path.mkdir(exist_ok=True)


def _remove(path: Path) -> None:
    """Remove a lease, or a folder that has taken its name."""
    if path.is_dir() and not path.is_symlink():
        remove_folder(path)
    else:
        path.unlink(missing_ok=True)


def this_process() -> Holder:
    """This process, as the holder of a lease that begins now."""
    number = os.getpid()
    return Holder(socket.gethostname(), _boot(), number, _started(number), round(time.time(), 3))


@cache
def _boot() -> str:
    """Identifies this boot of this system, and its set of process numbers; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


ENDED = "ended"
"""In place of the start of a process that has ended and was not waited for."""


def _started(process: int) -> str:
    """When a process of this system was started; empty if /proc does not show it."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return ENDED if state in "ZX" else fields[18]


def _exists(process: int) -> bool:
    """Whether a process may exist: /proc with `hidepid` does not show those of other users."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError, ValueError):
        pass
    return True
