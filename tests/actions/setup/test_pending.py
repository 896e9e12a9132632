"""Checks of one plan: each sees what mending the ones before it makes of Postfix's settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.changes import FileEdit
from actions.setup.fix import plan_fix
from actions.setup.looking import LookingHost
from tests.actions.setup.injected import MAIN, MASTER, injected_host, told

if TYPE_CHECKING:
    from tests.actions.mailhost.private import PrivateHost

CHROOTED = MASTER.replace("smtp      inet  n - n", "smtp      inet  n - y").replace(
    "submission inet n - n", "submission inet n - y"
)


def asks_greylist(root: Path) -> PrivateHost:
    """Return a host whose smtpd is chrooted, and asks a greylist whose socket is for its group."""
    socket = root / "run/gl.sock"
    main = MAIN.replace("unix:milters/one.sock", f"unix:{socket}")
    host = injected_host(root, f"mail_owner = nobody\n{main}", CHROOTED)
    socket.parent.mkdir()
    socket.touch()  # what stands there is no socket, so the settings tell who may open it
    conf = root / "etc/milter-greylist/greylist.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(f'socket "{socket}" 660\nuser "daemon"\n')
    return host


def test_a_check_sees_what_the_plan_has_mended_before_it(tmp_path: Path) -> None:
    host = asks_greylist(tmp_path)
    assert [one.name for one in told(host, "postfix.milter_chroot")] == ["postfix.milter_chroot"]
    assert not told(host, "postfix.groups"), "nobody sees the socket from inside the chroot"
    plan = plan_fix(Context(host), ("postfix.milter_chroot", "postfix.groups"))
    kinds = [(change.kind, change.target.rpartition("/")[2]) for change in plan.changes]
    assert ("edit", "master.cf") in kinds
    assert [change.lines()[0].text for change in plan.changes if "daemon" in change.target]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.cf", "    unix:milters/one.sock,\n", ""),
        ("main.cf", "smtpd_banner = $myhostname ESMTP\n", ""),
        ("main.cf", "$myhostname ESMTP", "$mail_name"),
        ("master.cf", "syslog_name=postfix/submission", "smtpd_milters=$non_smtpd_milters"),
        ("master.cf", "submission inet n - n", "submission inet n - y"),
    ],
)
def test_what_is_pending_is_what_postconf_says_once_it_is_done(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    host = injected_host(tmp_path)
    path = Path(tmp_path, "postfix", file)
    looks = LookingHost(host)
    changed = path.read_text().replace(old, new)
    assert changed != path.read_text()
    before = everything(looks)
    looks.pending.plan((FileEdit.planned(host, str(path), changed.encode()),))
    looks.take_pending()
    pending = everything(looks)
    assert pending != before
    path.write_text(changed)
    assert pending == everything(LookingHost(host))


def everything(host: LookingHost) -> object:
    names = ("smtpd_milters", "non_smtpd_milters", "milter_protocol", "smtpd_banner")
    services = host.postfix.services()
    own = [[host.postfix.setting_of(one, name) for name in names] for one in services]
    return services, own, [host.postfix.setting(name) for name in names], host.discovery()
