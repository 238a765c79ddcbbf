"""The state folder inside OUT: what a run keeps there to go on later, and the lock that lets one run at a time in."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

STATE: Final = ".imgsel"


class RunError(Exception):
    """A run that cannot start or go on; the message is one line that says what to do."""


class OutError(Exception):
    """OUT cannot be written; not an OSError, which is what a source that cannot be read raises."""

    def __init__(self, errno: int | None, strerror: str | None) -> None:
        super().__init__(errno, strerror)
        self.errno = errno
        self.strerror = strerror

    @classmethod
    def of(cls, error: OSError) -> OutError:
        """Return the error for what the system says."""
        return cls(error.errno, error.strerror)


class StateFolder:
    """Where things lie in the state folder of OUT. Paths are absolute, so that workers elsewhere find them."""

    def __init__(self, out: str | Path) -> None:
        self.out = Path(os.path.abspath(out))  # noqa: PTH100 - a link to OUT stays what it is called
        self.path = self.out / STATE
        self.catalog = self.path / "catalog.sqlite"
        self.manifest = self.path / "manifest.json"
        self.shards = self.path / "shards"
        self.spool = self.path / "spool"
        self.parts = self.path / "parts"
        self._run = self.path / "run"

    def is_out(self, path: str) -> bool:
        """Return whether a path leads to OUT, through a link too."""
        with suppress(OSError):
            return Path(path).samefile(self.out)
        return False

    def make(self) -> None:
        """Make the folders. Raises OSError."""
        for each in (self.shards, self.spool, self.parts):
            each.mkdir(parents=True, exist_ok=True)

    def begin(self) -> str:
        """Remove what an interrupted run left half done; return the name of a new run, the only one that may write."""
        for each in self.out.glob(".imgsel-*.part"):
            shutil.rmtree(each, ignore_errors=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        self.make()
        for each in (*self.shards.glob("*.part"), *self.spool.glob("*.part")):
            each.unlink(missing_ok=True)
        name = secrets.token_hex(8)
        self._run.write_text(name, "ascii")
        return name

    def forget_catalog(self) -> None:
        """Remove the catalog, with what SQLite keeps beside it, and the spool that it speaks of. Raises OSError."""
        for each in self.path.glob(f"{self.catalog.name}*"):
            each.unlink(missing_ok=True)
        shutil.rmtree(self.spool, ignore_errors=True)
        self.make()

    def forget_shards(self) -> None:
        """Remove all shards. Raises OSError."""
        for each in self.shards.iterdir():
            each.unlink(missing_ok=True)

    def is_current(self, run: str) -> bool:
        """Return whether this run is still the one that may write: a worker may outlive the process that began it."""
        try:
            return self._run.read_text("ascii") == run
        except OSError:
            return False


class Lock:
    """Held by one process at a time; the system lets go of it however the process ends."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def __enter__(self) -> None:
        """Take the lock. Raises RunError if another process has it, OSError if the folder cannot be written."""
        self._folder.path.mkdir(parents=True, exist_ok=True)
        file = (self._folder.path / "lock").open("ab")
        try:
            _lock(file)
        except OSError as error:
            file.close()
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise RunError(
                f"another run is writing to {self._folder.out}: wait for it, or name another folder"
            ) from error
        self._file = file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or as it was before. Raises OSError."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
