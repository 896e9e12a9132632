"""The files of a host: looked at, replaced atomically, owned; no planted link is followed.

Every path is absolute and reached as `actions.host.walk` says. The last component is never
followed: whoever means the file behind a link asks `Files.resolve` first.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.folder_acl import access_at, set_access_at
from actions.host.kept import (
    READ_LIMIT,
    FileState,
    Kept,
    keep_at,
    look,
    same,
    state_at,
    state_of,
    write_new,
)
from actions.host.walk import LINK_LIMIT, follow, only_ours, place_of, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.host.folder_acl import Access
    from actions.host.walk import Place


class Files:
    """The files of any host; it keeps nothing itself."""

    def state(self, path: str) -> FileState:
        """Return what stands at *path*; raises `HostError` where that can't be seen."""
        try:
            with place_of(path) as place:
                return state_at(place)
        except (FileNotFoundError, NotADirectoryError):
            return FileState("absent")
        except OSError as error:
            raise refusal(path, "look at it", error) from error

    def resolve(self, path: str) -> str:
        """Return *path* without any links, the last component's included.

        Raises:
            HostError: a link could have been planted by another user, the links go round in
                a circle, or a folder on the way is missing.
        """
        asked = path
        with _told(asked, "follow it"):
            for _ in range(LINK_LIMIT):
                with place_of(path) as place:
                    entry = look(place)
                    if entry is None or not stat.S_ISLNK(entry.st_mode):
                        return place.path
                    path = follow(place, entry)
            raise OSError(errno.ELOOP, "Too many levels of symbolic links")

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return the bytes of the regular file *path*, which has at most *limit* of them.

        Raises:
            HostError: it is missing, not a regular file, too large, or may not be read.
        """
        with _told(path, "read it"), place_of(path) as place:
            return keep_at(place, limit).content

    def keep(self, path: str) -> Kept | None:
        """Return all of the regular file *path*, or None where nothing stands there.

        Raises:
            HostError: it is not a regular file, too large, or may not be read.
        """
        with _told(path, "read it"):
            try:
                with place_of(path) as place:
                    return keep_at(place, READ_LIMIT)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def put(self, path: str, kept: Kept, token: str, *, replaces: Kept | None) -> None:
        """Make *path* be *kept*, in one step; *token* names the temporary file beside it.

        Raises:
            HostError: what stands there is not *replaces*, or the file has several names, or
                the host refused; nothing has changed then.
        """
        with _told(path, "write it"), place_of(path) as place:
            _one_name(place)
            name = temporary(token)
            try:
                with write_new(place.folder, name, kept) as held:
                    _expect(place, replaces)
                    _require_same(place, name, held)
                    _give_name(place, name, held, is_new=replaces is None)
            except BaseException:
                _discard(place.folder, name)
                raise
            _sync(place.folder)

    def remove(self, path: str, *, expected: Kept) -> None:
        """Remove the file *path*; raises `HostError` where it is not *expected*."""
        with _told(path, "remove it"), place_of(path) as place:
            _expect(place, expected)
            os.unlink(place.name, dir_fd=place.folder)
            _sync(place.folder)

    def make_folder(self, path: str, mode: int, uid: int, gid: int, token: str) -> None:
        """Make the folder *path* in one step; raises `HostError` where something stands there."""
        with _told(path, "make it"), place_of(path) as place:
            if look(place) is not None:
                raise FileExistsError(errno.EEXIST, "Something stands there already")
            name = temporary(token)
            try:
                os.mkdir(name, 0o700, dir_fd=place.folder)
                with _dressed(place, name, mode, uid, gid) as held:
                    _rename(place.folder, name, place.name)
                    _require_same(place, place.name, held)
            except BaseException:
                _discard(place.folder, name)
                raise
            _sync(place.folder)

    def remove_folder(self, path: str) -> None:
        """Remove the empty folder *path*; raises `HostError` where it is not empty."""
        with _told(path, "remove it"), place_of(path) as place:
            os.rmdir(place.name, dir_fd=place.folder)
            _sync(place.folder)

    def own(
        self,
        path: str,
        uid: int,
        gid: int,
        mode: int,
        expected: Callable[[FileState], bool] = lambda _: True,
    ) -> None:
        """Give the file, folder or socket *path* an owner, a group and a mode.

        Args:
            path: what is given.
            uid: the owner.
            gid: the group.
            mode: the permission bits, set-id and sticky ones included.
            expected: is asked whether this is what was meant; what it is told of is what is
                changed then, whoever exchanges it meanwhile.

        Raises:
            HostError: it is missing, a link, or not as *expected*; or, in a folder that others
                can write, a file with further names (the other name may be anybody's file) or
                no folder where *mode* has set-id bits (a program of theirs would get them); or
                not permitted.
        """
        with _told(path, "change its owner or mode"), place_of(path) as place:
            held = os.open(
                place.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.folder
            )
            try:
                entry = os.fstat(held)
                _may_own(place, entry, mode)
                if not expected(state_of(entry)):
                    raise HostError(f"{path}: somebody changed its owner or mode; plan again")
                # What a descriptor of this kind stands for can only be reached through /proc.
                os.chown(f"/proc/self/fd/{held}", uid, gid)
                os.chmod(f"/proc/self/fd/{held}", mode)
            finally:
                os.close(held)

    def access(self, path: str) -> Access | None:
        """Return the access control lists of the folder *path*, or None where none stands there.

        Raises:
            HostError: it is no folder, or may not be read.
        """
        with _told(path, "read its access control lists"):
            try:
                with place_of(path) as place:
                    return access_at(place)
            except FileNotFoundError:
                return None

    def set_access(self, path: str, expected: Access, wanted: Access) -> None:
        """Give the folder *path* access control lists, and the mode that goes with them.

        Raises:
            HostError: they are neither as *expected* nor on the way to what is *wanted*; it is
                no folder; or the host refused.
        """
        with _told(path, "set its access control lists"), place_of(path) as place:
            if not set_access_at(place, expected, wanted):
                raise HostError(f"{path}: somebody changed its access; look at it and plan again")

    def sweep(self, path: str, token: str) -> None:
        """Remove what `put` or `make_folder` with this *token* left beside *path*, if anything."""
        gone = suppress(FileNotFoundError, NotADirectoryError)
        with _told(path, "clean up beside it"), gone, place_of(path) as place:
            _discard(place.folder, temporary(token))


def temporary(token: str) -> str:
    """Return the name of the temporary file for *token*."""
    return f".console-{token}"


@contextmanager
def _told(path: str, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refusal(path, doing, error) from error


def _rename(folder: int, old: str, new: str) -> None:
    os.replace(old, new, src_dir_fd=folder, dst_dir_fd=folder)


def _one_name(place: Place) -> None:
    entry = look(place)
    if entry is not None and entry.st_nlink > 1 and not stat.S_ISDIR(entry.st_mode):
        raise HostError(
            f"{place.path}: the file has {entry.st_nlink} names (hard links), and replacing it "
            "would leave the others behind; edit it by hand"
        )


def _expect(place: Place, expected: Kept | None) -> None:
    try:
        found: Kept | None = keep_at(place, READ_LIMIT)
    except FileNotFoundError:
        found = None
    if not same(found, expected):
        raise HostError(f"{place.path}: somebody changed it meanwhile; look at it and plan again")


def _give_name(place: Place, name: str, held: int, *, is_new: bool) -> None:
    """Let the file *name*, open as *held*, stand at *place*."""
    if not is_new:
        _rename(place.folder, name, place.name)
        _require_same(place, place.name, held)
        return
    # Unlike a rename, a link never takes the place of what came meanwhile.
    folder = place.folder
    os.link(name, place.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    try:
        _require_same(place, place.name, held)
    except BaseException:
        _discard(folder, place.name)
        raise
    os.unlink(name, dir_fd=folder)


def _require_same(place: Place, name: str, held: int) -> None:
    """Refuse where *name*, beside or at *place*, is no longer what is open as *held*."""
    found = look(place._replace(name=name))
    if found is None or not os.path.samestat(found, os.fstat(held)):
        raise HostError(
            f"{place.path}: somebody exchanged what was being written there for something "
            "else; look who can write in that folder"
        )


@contextmanager
def _dressed(place: Place, name: str, mode: int, uid: int, gid: int) -> Iterator[int]:
    """Open the new folder *name*, and give it its owner and mode."""
    held = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.folder)
    try:
        if os.fstat(held).st_uid != os.geteuid():
            raise HostError(f"{place.path}: somebody exchanged the new folder for another")
        os.fchown(held, uid, gid)
        os.fchmod(held, mode)
        yield held
    finally:
        os.close(held)


def _may_own(place: Place, entry: os.stat_result, mode: int) -> None:
    if stat.S_ISLNK(entry.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if stat.S_ISDIR(entry.st_mode) or only_ours(place, entry):
        return
    if entry.st_nlink > 1:
        raise HostError(
            f"{place.path}: the file has {entry.st_nlink} names (hard links) in a folder that "
            "others can write, so it may be anybody's file; its owner and mode are left alone"
        )
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise HostError(
            f"{place.path}: set-id bits are given to a folder alone where others can write "
            "beside it: they may have put a program there"
        )


def _discard(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _sync(folder: int) -> None:
    """Make names in *folder* survive a power cut, where it may be read."""
    try:
        held = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return
    try:
        os.fsync(held)
    finally:
        os.close(held)
