"""A service whose user was taken over: what it plants gives no rights, and never runs as root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

STANDIN = """
groupadd docker
python3 -c '
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/docker.sock")
'
chgrp docker /run/docker.sock
chmod 660 /run/docker.sock
"""
"""The socket of a daemon whose group means root."""

SPAMASS = "/var/spool/postfix/spamass"


def groups(machine: Machine, user: str) -> list[str]:
    return machine.run(["id", "-nG", user]).stdout.split()


def as_user(machine: Machine, user: str, script: str) -> None:
    assert machine.run(["runuser", "-u", user, "--", "sh", "-c", script]).returncode == 0


def test_a_planted_link_brings_postfix_into_no_group(borrowed: Machine) -> None:
    borrowed.sh(STANDIN)
    as_user(borrowed, "spamass-milter", f"cd {SPAMASS} && mv spamass.sock x.sock")
    as_user(borrowed, "spamass-milter", f"ln -s /run/docker.sock {SPAMASS}/spamass.sock")
    try:
        told = borrowed.console("setup.check", "--only", "postfix.groups", "--json").json()
        (found,) = (one for one in told["results"] if one["verdict"] != "as wanted")
        assert f"{SPAMASS}/spamass.sock is a symbolic link" in found["why"], found
        assert "find out who made it" in found["unfixable"]
        fixed = borrowed.console("setup.fix", "postfix.groups", "--yes")
        assert fixed.returncode != 0, fixed
        assert "docker" not in groups(borrowed, "postfix")
    finally:
        borrowed.sh(f"mv -f {SPAMASS}/x.sock {SPAMASS}/spamass.sock; rm /run/docker.sock")
        borrowed.sh("groupdel docker")
    again = borrowed.console("setup.check", "--only", "postfix.groups", "--json").json()
    assert {one["verdict"] for one in again["results"]} == {"as wanted"}


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("a socket of its own, for a group that it is in", "settings do not name"),
        ("a socket of somebody else", "not to spamass-milter"),
    ],
)
def test_what_a_service_put_in_its_folder_gives_no_group(
    borrowed: Machine, what: str, says: str
) -> None:
    """The second can only come by a hard link, where the kernel does not protect those."""
    borrowed.sh("groupadd powerful && usermod -aG powerful spamass-milter")
    owner = "spamass-milter" if "its own" in what else "opendkim"
    borrowed.sh(f"cd {SPAMASS} && stat -c %u:%g:%a spamass.sock >/tmp/was")
    borrowed.sh(f"chown {owner}:powerful {SPAMASS}/spamass.sock")
    try:
        told = borrowed.console("setup.check", "--only", "postfix.groups", "--json").json()
        (found,) = (one for one in told["results"] if one["verdict"] != "as wanted")
        assert says in found["why"], found
        assert borrowed.console("setup.fix", "postfix.groups", "--yes").returncode != 0
        assert "powerful" not in groups(borrowed, "postfix")
    finally:
        borrowed.sh(f"chown postfix:postfix {SPAMASS}/spamass.sock; rm /tmp/was")
        borrowed.sh("groupdel -f powerful")


PLUGIN = """\
cd /var/lib/spamassassin/4.*
cat >../Evil.pm <<'END'
package Evil;
use Mail::SpamAssassin::Plugin;
our @ISA = ("Mail::SpamAssassin::Plugin");
open(my $told, ">>", "/tmp/ran"); print $told "uid $>\\n"; close($told);
1;
END
echo "loadplugin Evil /var/lib/spamassassin/Evil.pm" >evil.pre
cp evil.pre evil.cf
"""


def test_what_spamassassins_user_wrote_never_runs_as_root(machine: Machine) -> None:
    as_user(machine, "debian-spamd", PLUGIN)
    told = machine.console("services.restart", "spamd", "--dry-run")
    assert told.returncode == 0, told
    assert "runuser -u debian-spamd -- spamassassin --lint" in told.stdout
    owner = machine.run(["id", "-u", "debian-spamd"]).stdout.strip()
    assert set(machine.read("/tmp/ran").split("\n")) == {f"uid {owner}", ""}
    machine.sh("rm /tmp/ran; chown root /var/lib/spamassassin")
    told = machine.console("services.restart", "spamd", "--dry-run")
    assert told.returncode == 0, told
    assert "--lint" not in told.stdout
    assert not machine.exists("/tmp/ran")


def test_freshclam_runs_as_nobody_whom_its_own_user_named(borrowed: Machine) -> None:
    conf = "/etc/clamav/freshclam.conf"
    borrowed.sh(f"cp -a {conf} /tmp/conf")
    borrowed.sh(f"sed -i s/^DatabaseOwner.*// {conf}; echo DatabaseOwner root >>{conf}")
    assert borrowed.sh(f"stat -c %U {conf}").strip() == "clamav", "as Debian ships it"
    try:
        told = borrowed.console("services.freshclam", "--dry-run")
        assert told.returncode == 1, told
        assert "tells freshclam to run as root" in told.stderr + told.stdout
    finally:
        borrowed.sh(f"mv -f /tmp/conf {conf}")
    told = borrowed.console("services.freshclam", "--dry-run")
    assert "runuser -u clamav -- freshclam" in told.stdout, told


def test_a_planted_program_is_not_given_roots_rights(borrowed: Machine) -> None:
    """Whoever could write in Postfix's folder may have left a program there that sets its user."""
    planted = "/etc/postfix/planted"
    borrowed.sh(f"cp /usr/bin/id {planted}; chown spamass-milter {planted}; chmod 4755 {planted}")
    try:
        fixed = borrowed.console("setup.fix", "postfix.ownership", "--yes")
        assert fixed.returncode == 0, fixed
        assert borrowed.sh(f"stat -c '%U %a' {planted}").strip() == "root 755"
    finally:
        borrowed.sh(f"rm {planted}")


def test_a_planted_link_takes_no_other_milter_from_postfix(borrowed: Machine) -> None:
    """It looks as if one socket were listed twice; the other would be taken off the list."""
    own = "/var/spool/postfix/opendkim/opendkim.sock"
    as_user(borrowed, "spamass-milter", f"cd {SPAMASS} && mv spamass.sock x.sock")
    as_user(borrowed, "spamass-milter", f"ln -s {own} {SPAMASS}/spamass.sock")
    try:
        told = borrowed.console("setup.check", "--only", "postfix.milter_twice", "--json").json()
        assert told["results"] == [], told
    finally:
        borrowed.sh(f"mv -f {SPAMASS}/x.sock {SPAMASS}/spamass.sock")
