"""The ways by the folder, by the unit and by hand: what they would change, and what they refuse."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from actions.changes import (
    AccessList,
    ConfigCheck,
    FileEdit,
    Folder,
    Ownership,
    Reread,
    UnitOperation,
    from_record,
)
from actions.host.errors import HostError
from actions.plan import Standing
from actions.sockets.ways import acl, dropin, made, now, start, tmpfiles
from actions.sockets.ways.dropin import with_lines
from actions.sockets.ways.offers import offers_of
from actions.sockets.ways.way import Declined
from tests.actions.sandbox import MILTER, POSTFIX, needs_root
from tests.actions.sockets.scenes import GROUP, MASK, NO_ID, OTHER, OWNER, USER, give_acl
from tests.actions.sockets.ways.folders import UNIT, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actions.sockets.ways.way import Offer

pytestmark = needs_root


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.end()


def offered(offer: Offer | None) -> Offer:
    assert offer is not None
    return offer


def content(offer: Offer) -> str:
    """Return what the file that the offer writes says."""
    (edit,) = (one for one in offer.changes if isinstance(one, FileEdit))
    assert edit.after is not None
    return edit.after.content.decode()


def test_nothing_behind_a_link_of_the_daemons_user_is_opened(place: Place) -> None:
    other = place.root / "home/alice"
    other.mkdir(parents=True)
    place.folder.chmod(0o755)
    place.socket.rename(other / "milter.sock")
    other.chmod(0o700)
    place.socket.symlink_to(other / "milter.sock")
    os.lchown(place.socket, MILTER, MILTER)
    found = offers_of(place.host, place.case().state)
    assert found.offers == ()
    (why,) = found.not_offered
    assert why.why.startswith(f"{place.socket} is a link that a user other than root")


def test_a_closed_folder_gets_the_clients_group_for_good(place: Place) -> None:
    offer = offered(tmpfiles.offer(place.case()))
    assert offer.way.lasting
    assert [type(one) for one in offer.changes[:3]] == [FileEdit, Ownership, ConfigCheck]
    assert content(offer).splitlines()[-1] == f"z {place.folder} 2750 milter postfix"
    owned = offer.changes[1]
    assert isinstance(owned, Ownership)
    owned.apply(place.host, "t")
    entry = place.folder.stat()
    assert (entry.st_uid, entry.st_gid, entry.st_mode & 0o7777) == (MILTER, POSTFIX, 0o2750)
    owned.inverse().apply(place.host, "t")
    assert owned.stands(place.host) is Standing.BEFORE
    assert place.folder.stat().st_mode & 0o7777 == 0o750


def test_a_folder_that_another_file_makes_at_boot_is_adjusted_not_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmpfiles, "_VOLATILE", (f"{place.root}/run/",))
    offer = offered(tmpfiles.offer(place.case()))
    assert content(offer).splitlines()[-1].startswith(f"d {place.folder} ")
    packaged = place.root / "usr/lib/tmpfiles.d/milter.conf"
    packaged.write_text(f"# packaged\nd {place.folder}/ 0750 milter milter\n")
    offer = offered(tmpfiles.offer(place.case()))
    assert content(offer).splitlines()[-1].startswith(f"z {place.folder} ")


def test_lines_for_other_folders_are_kept(place: Place) -> None:
    file = place.root / "etc/tmpfiles.d/milter-console-milter.conf"
    file.write_text(f"# mine\nd /run/other 0755 root root\nz {place.folder} 0700 root root")
    offer = offered(tmpfiles.offer(place.case()))
    assert content(offer) == (
        f"# mine\nd /run/other 0755 root root\nz {place.folder} 2750 milter postfix\n"
    )


def test_a_folder_that_its_group_may_not_pass_gets_that_bit_alone(place: Place) -> None:
    place.closed(0o700, 0o666)
    os.chown(place.folder, MILTER, POSTFIX)
    offer = offered(tmpfiles.offer(place.case()))
    assert content(offer).splitlines()[-1] == f"z {place.folder} 0710 milter postfix"


@pytest.mark.parametrize(
    ("folder", "mode", "why"),
    [
        (0o755, 0o640, "its group may not write"),
        (0o2755, 0o660, "gives its socket the group milter itself"),
    ],
)
def test_what_a_group_would_not_open_is_declined(
    place: Place, folder: int, mode: int, why: str
) -> None:
    place.closed(folder, mode)
    if folder & 0o2000:
        os.chown(place.folder, MILTER, 0)
        place.folder.chmod(folder)
    with pytest.raises(Declined, match=why):
        tmpfiles.offer(place.case("group"))


def test_a_folder_that_others_can_exchange_is_declined(place: Place) -> None:
    (place.root / "run").chmod(0o777)
    with pytest.raises(Declined, match="others than root can put something else"):
        tmpfiles.offer(place.case())


def test_a_folder_that_systemd_makes_is_declined(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropin, "runtime_folders", lambda _: (str(place.folder),))
    monkeypatch.setattr(
        "actions.sockets.ways.runtime.runtime_folders", lambda _: (str(place.folder),)
    )
    with pytest.raises(Declined, match="RuntimeDirectory="):
        tmpfiles.offer(place.case())
    offer = offered(dropin.offer(place.case()))
    assert "RuntimeDirectoryMode=0751\n" in content(offer)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/install -d -o ${USER} -g ${GROUP} {}",
        "/bin/chown milter: {}/",
        "/bin/sh -c 'mkdir -p {}; chmod 750 {}; true'",
    ],
)
def test_a_folder_that_the_unit_sets_again_is_not_left_to_tmpfiles(
    place: Place, command: str
) -> None:
    place.systemctl.command = command.replace("{}", str(place.folder))
    with pytest.raises(Declined, match=r"again at each start \((install|chown|sh)\)"):
        tmpfiles.offer(place.case())


@pytest.mark.parametrize("command", ["/bin/mkdir -p {}", "/bin/chown milter: {}/log"])
def test_a_folder_that_the_unit_makes_only_where_it_is_missing_keeps_what_it_has(
    place: Place, command: str
) -> None:
    place.systemctl.command = command.replace("{}", str(place.folder))
    assert tmpfiles.offer(place.case()) is not None


def test_a_folder_that_its_unit_opens_needs_a_restart_alone(place: Place) -> None:
    place.closed(0o700, 0o666)
    assert start.offer(place.case()) is None
    place.systemctl.command = f"/usr/bin/install -d -o milter {place.folder}"
    offer = offered(start.offer(place.case()))
    assert offer.changes[0].kind == "restart"
    assert "taken back" in offer.way.risk
    place.systemctl.command = f"/usr/bin/install -d -m 700 {place.folder}"
    assert start.offer(place.case()) is None


def test_folders_of_the_whole_system_and_of_postfix_are_left_alone(place: Place) -> None:
    queue = place.root / "var/spool/postfix"
    (queue / "private").mkdir(parents=True)
    for folder, why in (
        (place.root / "run", "of the whole system"),
        (queue, "of Postfix's own"),
        (queue / "private", "of Postfix's own"),
    ):
        folder.chmod(0o700)
        place.socket.rename(folder / "milter.sock")
        place.socket = folder / "milter.sock"
        for way in (tmpfiles, now):
            with pytest.raises(Declined, match=why):
                way.offer(place.case())
        folder.chmod(0o755)


def test_an_access_list_is_not_written_over_by_a_mode(place: Place) -> None:
    give_acl(
        place.folder,
        (OWNER, 7, NO_ID),
        (USER, 5, 12003),
        (GROUP, 5, NO_ID),
        (MASK, 5, NO_ID),
        (OTHER, 0, NO_ID),
    )
    for way in (tmpfiles, now):
        with pytest.raises(Declined, match="access control list") as caught:
            way.offer(place.case("denied"))
        assert f"setfacl -m u:postfix:x {place.folder}" in caught.value.next_step


def test_the_lab_and_a_host_without_systemd_are_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.closed(0o755, 0o660)
    monkeypatch.setattr(place.host.services, "absent", lambda: "systemd does not run here")
    with pytest.raises(Declined, match="systemd does not run here"):
        dropin.offer(place.case("group"))
    (place.root / "usr/bin/systemd-tmpfiles").unlink()
    with pytest.raises(Declined, match="no systemd-tmpfiles"):
        tmpfiles.offer(place.case("group"))
    place.host.kind = "lab"
    for way in (dropin, tmpfiles):
        with pytest.raises(Declined, match="lab"):
            way.offer(place.case("group"))


def test_the_drop_in_hands_the_socket_on_without_following_a_link(place: Place) -> None:
    place.closed(0o755, 0o660)
    offer = offered(dropin.offer(place.case("group")))
    assert [type(one) for one in offer.changes[:4]] == [Folder, FileEdit, Reread, UnitOperation]
    text = content(offer)
    assert f"ExecStartPre=-+/usr/bin/rm -f -- {place.socket}\n" in text
    assert text.splitlines()[-1].endswith(f"""chgrp -h -- "$$0" "$$1"' postfix {place.socket}""")
    assert "chmod" not in text
    assert "UMask" not in text
    edit = offer.changes[1]
    assert isinstance(edit, FileEdit)
    assert edit.path.endswith("/etc/systemd/system/milter.service.d/zz-milter-console-socket.conf")


def test_the_drop_in_leaves_the_mode_to_the_umask(place: Place) -> None:
    place.closed(0o755, 0o640)
    assert "UMask=0007\n" in content(offered(dropin.offer(place.case("write"))))
    os.chown(place.socket, MILTER, POSTFIX)
    text = content(offered(dropin.offer(place.case("write"))))
    assert text.splitlines()[1:] == ["[Service]", "UMask=0007"]


@pytest.mark.parametrize("version", ["219", "v230", ""])
def test_an_old_systemd_gets_no_command_for_root(place: Place, version: str) -> None:
    place.closed(0o755, 0o660)
    place.systemctl.version = version
    with pytest.raises(Declined, match="231 is needed"):
        dropin.offer(place.case("group"))


def test_root_works_in_no_folder_where_hard_links_are_not_protected(place: Place) -> None:
    place.closed(0o755, 0o660)
    (place.root / "proc/sys/fs/protected_hardlinks").write_text("0\n")
    with pytest.raises(Declined, match="hard links") as caught:
        dropin.offer(place.case("group"))
    assert caught.value.next_step == "sysctl fs.protected_hardlinks=1"


def test_a_drop_in_keeps_what_was_set_before() -> None:
    first = with_lines("", ("RuntimeDirectoryMode=0751",))
    both = with_lines(first, ("UMask=0007",))
    assert both.splitlines()[1:] == ["[Service]", "RuntimeDirectoryMode=0751", "UMask=0007"]
    assert with_lines(both, ("UMask=0007",)) == both


def test_a_list_lets_the_client_through_and_is_taken_back_to_the_byte(place: Place) -> None:
    offer = offered(acl.offer(place.case()))
    assert content(offer).splitlines()[-1] == acl.line_of(str(place.folder), "postfix")
    given = offer.changes[1]
    assert isinstance(given, AccessList)
    assert given.stands(place.host) is Standing.BEFORE
    before = seen(place.folder)
    given.apply(place.host, "t")
    assert given.stands(place.host) is Standing.AFTER
    closed_folder = place.case().closed_folders
    assert closed_folder == ()
    place.socket.unlink()
    umask = os.umask(0o007)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place.socket))
    finally:
        os.umask(umask)
    step = place.case().step
    assert step is not None
    assert step.granted, step
    assert step.decided_by == "user:postfix"
    given.inverse().apply(place.host, "t")
    assert seen(place.folder) == before
    assert from_record(json.loads(json.dumps(given.record()))) == given


def test_a_list_is_set_at_boot_on_a_folder_that_the_daemons_start_would_make(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmpfiles, "_VOLATILE", (f"{place.root}/run/",))
    place.systemctl.command = f"/usr/bin/install -d {place.folder}"
    offer = offered(acl.offer(place.case()))
    made = f"d {place.folder} 0750 milter milter"
    assert content(offer).splitlines()[-2:] == [made, acl.line_of(str(place.folder), "postfix")]
    assert any(line.startswith(made) for line in offer.way.does)
    packaged = place.root / "usr/lib/tmpfiles.d/milter.conf"
    packaged.write_text(f"d {place.folder} 0750 milter milter\n")
    assert made not in content(offered(acl.offer(place.case())))


def test_a_list_is_not_set_where_a_boot_would_open_the_folder_to_its_group(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmpfiles, "_VOLATILE", (f"{place.root}/run/",))
    place.closed(0o700, 0o666)
    with pytest.raises(Declined, match="made anew after each boot"):
        acl.offer(place.case())


def listed(group: int) -> tuple[tuple[int, int, int], ...]:
    """Return a list with *group* for the group, as the mask has it."""
    return (OWNER, 7, NO_ID), (USER, 7, 12003), (GROUP, group, NO_ID), (MASK, group, NO_ID), _OTHERS


_OTHERS = (OTHER, 0, NO_ID)


def test_lists_that_came_meanwhile_are_not_written_over(place: Place) -> None:
    given = AccessList.planned(place.host, str(place.folder), "postfix")
    give_acl(
        place.folder, (OWNER, 7, NO_ID), (GROUP, 5, NO_ID), (MASK, 5, NO_ID), (OTHER, 0, NO_ID)
    )
    assert given.stands(place.host) is Standing.OTHER
    with pytest.raises(HostError, match="somebody changed its access"):
        given.apply(place.host, "t")


def test_a_mask_that_would_take_it_away_is_told(place: Place) -> None:
    give_acl(
        place.folder, (OWNER, 7, NO_ID), (GROUP, 4, NO_ID), (MASK, 4, NO_ID), (OTHER, 0, NO_ID)
    )
    with pytest.raises(HostError, match="whose mask takes such entries away"):
        acl.offer(place.case("denied"))


DEFAULT = "system.posix_acl_default"
WIDE = (OWNER, 7, NO_ID), (GROUP, 5, NO_ID), (OTHER, 5, NO_ID)


@pytest.mark.parametrize("own", [True, False], ids=["the client's own", "a default list"])
def test_a_list_that_boot_would_write_over_is_left_alone(place: Place, *, own: bool) -> None:
    give_acl(
        place.folder,
        (OWNER, 7, NO_ID),
        *([(USER, 5, POSTFIX)] if own else []),
        (GROUP, 5, NO_ID),
        (MASK, 5, NO_ID),
        (OTHER, 0, NO_ID),
    )
    if not own:
        give_acl(place.folder, *WIDE, name=DEFAULT)
    with pytest.raises(Declined, match="would write over") as caught:
        acl.offer(place.case())
    assert "setfacl -m" in caught.value.next_step


def test_a_list_of_this_program_is_no_hindrance(place: Place) -> None:
    given = offered(acl.offer(place.case())).changes[1]
    given.apply(place.host, "t")
    os.removexattr(place.folder, "system.posix_acl_access")
    place.folder.chmod(0o750)
    again = offered(acl.offer(place.case())).changes[1]
    assert isinstance(again, AccessList)
    assert again.before.default == again.after.default != b""


def test_a_list_opens_no_socket_that_is_closed_to_its_group(place: Place) -> None:
    place.closed(0o750, 0o640)
    with pytest.raises(Declined, match="as far as the group's bits"):
        acl.offer(place.case())


def seen(folder: Path) -> tuple[object, ...]:
    """Return owner, group, mode and every extended attribute of *folder*."""
    entry = folder.stat()
    labels = tuple((name, os.getxattr(folder, name)) for name in sorted(os.listxattr(folder)))
    return entry.st_uid, entry.st_gid, entry.st_mode, labels


def test_by_hand_is_called_temporary(place: Place) -> None:
    offer = offered(now.offer(place.case()))
    assert not offer.way.lasting
    assert "temporary" in offer.way.risk
    assert offer.way.does == (
        f"chmod 0751 {place.folder}",
        f"chgrp postfix and chmod 0660 {place.socket}",
    )
    assert all(isinstance(one, Ownership) for one in offer.changes)


def test_what_is_open_is_offered_nothing(place: Place) -> None:
    place.closed(0o755, 0o666)
    for way in (tmpfiles, acl, dropin, now):
        assert way.offer(place.case("")) is None


def test_a_unit_that_is_off_is_started_and_stays_so(place: Place) -> None:
    off = UNIT._replace(activity="inactive", enabled=False)
    place.host.units.operate("stop", "milter")
    offer = offered(start.offer(place.case("missing", unit=off)))
    done = [(one.kind, one.target) for one in offer.changes]
    assert ("restart", "milter.service") in done
    assert ("enable", "milter.service") in done
    assert start.offer(place.case("group", unit=off)) is None
    with pytest.raises(Declined, match="masked") as caught:
        start.offer(place.case("missing", unit=off._replace(masked=True)))
    assert "unmask" in caught.value.next_step


def test_a_missing_folder_is_made_for_the_daemons_user(place: Place) -> None:
    place.socket.unlink()
    place.folder.rmdir()
    failed = UNIT._replace(activity="failed")
    offer = offered(made.offer(place.case("missing", unit=failed)))
    assert content(offer).splitlines()[-1] == f"d {place.folder} 2750 milter postfix"
    folder = offer.changes[1]
    assert isinstance(folder, Folder)
    folder.apply(place.host, "t")
    entry = place.folder.stat()
    assert (entry.st_uid, entry.st_gid, entry.st_mode & 0o7777) == (MILTER, POSTFIX, 0o2750)
    place.folder.rmdir()
    off = UNIT._replace(activity="inactive")
    assert made.offer(place.case("missing", unit=off)) is None, "it may make its folder itself"


def test_a_folder_that_is_there_is_not_made(place: Place) -> None:
    place.socket.unlink()
    assert made.offer(place.case("missing", unit=UNIT._replace(activity="failed"))) is None
