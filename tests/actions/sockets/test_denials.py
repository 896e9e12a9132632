"""Denials of SELinux and AppArmor, read out of what a host logged.

Neither is on where the tests run, so nothing can be denied for real. The lines are written after
the documented forms: those of the kernel's AVC messages as in the SELinux Notebook ("Audit Logs")
and Red Hat's manual, those of AppArmor as in its wiki ("Profiling by hand") and apparmor.d(5).
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from actions.mailhost.edges import Edge
from actions.sockets.advice import (
    label_advice,
    local_file,
    module_words,
    profile_file,
    rule,
)
from actions.sockets.denials import denials, of_edge, read_denial, systems_on
from actions.sockets.path import Step
from tests.actions.sandbox import SandboxHost

if TYPE_CHECKING:
    from pathlib import Path

    from actions.sockets.denials import Denial

SOCK = "/run/milter-manager/milter-manager.sock"

AUDITD = (
    "type=AVC msg=audit(1395177286.929:1638): avc:  denied  { write } for  pid=6591 "
    'comm="smtpd" name="milter-manager.sock" dev="tmpfs" ino=17423 '
    "scontext=system_u:system_r:postfix_smtpd_t:s0 tcontext=system_u:object_r:var_run_t:s0 "
    "tclass=sock_file permissive=0"
)
"""As auditd writes it."""

KERNEL = (
    "Mar 18 21:14:46 mail kernel: audit: type=1400 audit(1395177286.929:1638): avc:  denied  "
    f'{{ connectto }} for  pid=6591 comm="smtpd" path="{SOCK}" '
    "scontext=system_u:system_r:postfix_smtpd_t:s0 "
    "tcontext=system_u:system_r:unconfined_service_t:s0 tclass=unix_stream_socket permissive=0"
)
"""As syslog has it where no auditd runs."""

JOURNAL = (
    "1395177286.929000 mail audit[6591]: AVC avc:  denied  { search } for  pid=6591 "
    'comm="smtpd" name="milter-manager" dev="tmpfs" ino=17420 '
    "scontext=system_u:system_r:postfix_smtpd_t:s0 tcontext=system_u:object_r:var_run_t:s0 "
    "tclass=dir permissive=1"
)
"""As the journal has it, from a host on which SELinux is permissive."""

PORT = (
    "type=AVC msg=audit(1395177286.929:1639): avc:  denied  { name_connect } for  pid=6591 "
    'comm="smtpd" dest=11332 scontext=system_u:system_r:postfix_smtpd_t:s0 '
    "tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0"
)

ODD_NAME = AUDITD.replace('name="milter-manager.sock"', "name=6D696C74657220312E736F636B")
"""A name with a blank, which is written in hexadecimal."""

APPARMOR = (
    "Nov 23 03:00:00 mail kernel: [  312.771001] audit: type=1400 audit(1700000000.123:456): "
    'apparmor="DENIED" operation="mknod" class="file" profile="/usr/sbin/clamd" '
    'name="/var/spool/postfix/clamav/clamd.ctl" pid=1234 comm="clamd" requested_mask="c" '
    'denied_mask="c" fsuid=117 ouid=117'
)
COMPLAINS = APPARMOR.replace("DENIED", "ALLOWED")


def read(line: str) -> Denial:
    found = read_denial(line)
    assert found is not None
    return found


def test_a_line_of_auditd_is_read() -> None:
    found = read(AUDITD)
    assert found[:7] == (
        "SELinux",
        "smtpd",
        "postfix_smtpd_t",
        "write",
        "milter-manager.sock",
        "sock_file",
        "var_run_t",
    )
    assert (found.time, found.enforced) == (1395177286.929, True)


def test_lines_of_the_kernel_and_of_the_journal_are_read() -> None:
    found = read(KERNEL)
    assert (found.wanted, found.target, found.kind, found.label) == (
        "connectto",
        SOCK,
        "unix_stream_socket",
        "unconfined_service_t",
    )
    found = read(JOURNAL)
    assert (found.wanted, found.kind, found.time) == ("search", "dir", 1395177286.929)
    assert not found.enforced


def test_names_with_odd_characters_are_read() -> None:
    assert read(ODD_NAME).target == "milter 1.sock"


def test_a_line_of_apparmor_is_read() -> None:
    assert read(APPARMOR)[:9] == (
        "AppArmor",
        "clamd",
        "/usr/sbin/clamd",
        "c",
        "/var/spool/postfix/clamav/clamd.ctl",
        "mknod",
        "",
        1700000000.123,
        True,
    )
    assert not read(COMPLAINS).enforced


@pytest.mark.parametrize(
    "line",
    [
        "",
        "type=SYSCALL msg=audit(1395177286.929:1638): arch=c000003e syscall=42 success=no",
        "avc:  granted  { load_policy } for  pid=1",
        'apparmor="STATUS" operation="profile_load" name="/usr/sbin/clamd"',
        "avc:  denied  { write",
        "apparmor=",
    ],
)
def test_what_is_no_denial_is_none(line: str) -> None:
    assert read_denial(line) is None


@pytest.fixture
def host(tmp_path: Path) -> SandboxHost:
    return SandboxHost(str(tmp_path))


def put(host: SandboxHost, path: str, text: str) -> None:
    os.makedirs(os.path.dirname(host.at(path)), exist_ok=True)
    with open(host.at(path), "w", encoding="utf-8") as file:
        file.write(text)


def test_where_neither_is_on_nothing_is_read(host: SandboxHost) -> None:
    put(host, "/var/log/audit/audit.log", AUDITD)
    put(host, "/sys/module/apparmor/parameters/enabled", "N\n")
    assert systems_on(host) == ()
    assert denials(host) == ((), ())


def test_the_log_of_auditd_is_read_where_selinux_is_on(host: SandboxHost) -> None:
    put(host, "/sys/fs/selinux/enforce", "1")
    put(host, "/var/log/audit/audit.log", f"{AUDITD}\n{AUDITD}\n{APPARMOR}\nnoise\n")
    found = denials(host)
    assert [one.wanted for one in found.denials] == ["write"], "once, and of SELinux alone"
    assert found.notes == ()


def test_the_newest_denials_are_read_of_a_long_log(host: SandboxHost) -> None:
    put(host, "/sys/fs/selinux/enforce", "1")
    put(host, "/var/log/audit/audit.log", f"{KERNEL}\n{'x' * 79}\n" * 9000 + f"{AUDITD}\n")
    assert "write" in {one.wanted for one in denials(host).denials}


def test_what_cannot_be_read_is_said(host: SandboxHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.services, "absent", lambda: "there is no systemd here")
    put(host, "/sys/fs/selinux/enforce", "1")
    # A folder in its place stands for a log that can't be read, which root always can.
    os.makedirs(host.at("/var/log/audit/audit.log"))
    found = denials(host)
    assert found.denials == ()
    assert "what SELinux denied is not known" in found.notes[0]
    assert "audit.log can't be read" in found.notes[0]
    put(host, "/var/log/messages", f"{KERNEL}\n")
    found = denials(host)
    assert [one.wanted for one in found.denials] == ["connectto"], "syslog has it too"
    assert found.notes == ()


def edge_to(path: str) -> Edge:
    return Edge(
        "smtpd:milter-manager",
        "smtpd",
        "postfix",
        "milter-manager",
        "postfix",
        "milter",
        f"unix:{path}",
        f"unix:{path}",
    )


def test_a_denial_belongs_to_the_edge_until_its_target_changes(tmp_path: Path) -> None:
    path = tmp_path / "milter-manager.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    edge = edge_to(str(path))
    steps = (Step(str(path), "socket", "root", "root", 0o660, "w", granted=True),)
    old = read(AUDITD)
    now = old._replace(time=time.time() + 1)
    assert of_edge((now,), edge, steps) == now
    assert of_edge((old,), edge, steps) is None, "the socket is another, or has another label"
    others = (
        now._replace(program="sshd"),
        now._replace(target="other.sock"),
        now._replace(target="/other/milter-manager.sock"),
    )
    assert of_edge(others, edge, steps) is None
    assert of_edge((*others, now), edge, steps) == now


def test_a_service_that_is_denied_much_does_not_hold_up_the_look(tmp_path: Path) -> None:
    path = tmp_path / "milter-manager.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    steps = (Step(str(path), "socket", "root", "root", 0o660, "w", granted=True),)
    now = read(AUDITD)._replace(time=time.time() + 1)
    long = now._replace(target=f"{'/missing' * 500}{path}", time=now.time + 1)
    assert of_edge((long, now), edge_to(str(path)), steps) == now
    many = [now._replace(target="/elsewhere", time=now.time + 1)] * 200
    assert of_edge((*many, now), edge_to(str(path)), steps) is None


def test_a_denied_port_belongs_to_the_edge() -> None:
    edge = edge_to("/x")._replace(spec="inet:127.0.0.1:11332", endpoint="inet:127.0.0.1:11332")
    assert of_edge((read(PORT),), edge, ()) == read(PORT)
    elsewhere = edge._replace(endpoint="inet:127.0.0.1:11333")
    assert of_edge((read(PORT),), elsewhere, ()) is None


def test_a_socket_that_could_not_be_made_is_told() -> None:
    path = "/var/spool/postfix/clamav/clamd.ctl"
    edge = edge_to(path)._replace(client="clamav-milter", service="clamd")
    assert of_edge((read(APPARMOR),), edge, ()) == read(APPARMOR)


def test_the_advice_is_a_label_or_a_rule_and_never_to_switch_anything_off() -> None:
    edge = edge_to(SOCK)
    by_label = label_advice(read(AUDITD), edge, "/run/milter-manager")
    assert "restorecon -Rv /run/milter-manager" in by_label
    assert "semanage fcontext -a -t dkim_milter_data_t '/run/milter-manager(/.*)?'" in by_label
    known = label_advice(read(AUDITD), edge._replace(service="milter-greylist"), "/run/x")
    assert "greylist_milter_data_t" in known
    assert label_advice(read(PORT), edge, "") == "semanage port -a -t milter_port_t -p tcp 11332"
    assert label_advice(read(KERNEL), edge, "/run/milter-manager") == ""
    by_module = module_words(read(KERNEL))
    assert "postfix_smtpd_t connectto on unconfined_service_t" in by_module
    by_rule = rule(read(APPARMOR))
    assert by_rule.strip() == "/var/spool/postfix/clamav/clamd.ctl rw,"
    for advice in (by_label, known, by_module, by_rule):
        assert not any(
            word in advice
            for word in ("setenforce", "audit2allow", "permissive", "disable", "complain")
        )


def test_the_file_of_a_profile_is_found(host: SandboxHost) -> None:
    put(host, "/etc/apparmor.d/usr.sbin.clamd", "")
    assert profile_file(host, "/usr/sbin/clamd") == "/etc/apparmor.d/usr.sbin.clamd"
    assert profile_file(host, "/usr/sbin/other") == ""
    assert profile_file(host, "../../etc/passwd") == ""
    put(host, "/etc/apparmor.d/dovecot-auth", "")
    assert profile_file(host, "dovecot-auth") == "/etc/apparmor.d/dovecot-auth"
    assert local_file("/etc/apparmor.d/usr.sbin.clamd") == "/etc/apparmor.d/local/usr.sbin.clamd"


def stands(host: SandboxHost, line: str) -> bool:
    put(host, "/var/log/audit/audit.log", f"{line}\n")
    return bool(denials(host).denials)


def written(host: SandboxHost, path: str, when: float) -> None:
    os.makedirs(os.path.dirname(host.at(path)), exist_ok=True)
    with open(host.at(path), "a", encoding="utf-8"):
        os.utime(host.at(path), (when, when))


@pytest.mark.parametrize("line", [AUDITD, PORT])
def test_a_denial_is_past_where_selinuxs_policy_is_newer(host: SandboxHost, line: str) -> None:
    put(host, "/sys/fs/selinux/enforce", "1")
    when = read(line).time
    written(host, "/etc/selinux/targeted/policy/policy.33", when - 1)
    written(host, "/etc/selinux/config", when + 1)
    assert stands(host, line)
    written(host, "/etc/selinux/targeted/policy/policy.33", when + 1)
    assert not stands(host, line)
    later = line.replace(f"{when:.3f}", f"{when + 2:.3f}")
    assert stands(host, later), "the new policy does not allow it either"
    assert stands(host, line.replace(f"audit({when:.3f}:", "audit(")), "nobody knows from when"


def test_a_denial_is_past_where_apparmors_profile_was_loaded_since(host: SandboxHost) -> None:
    put(host, "/sys/module/apparmor/parameters/enabled", "Y\n")
    when = read(APPARMOR).time
    written(host, "/etc/apparmor.d/usr.sbin.clamd", when - 1)
    assert stands(host, APPARMOR)
    written(host, "/etc/apparmor.d/local/usr.sbin.clamd", when + 1)
    assert not stands(host, APPARMOR)
    # The kernel knows: it is written, and not loaded yet.
    loaded = "/sys/kernel/security/apparmor/policy/profiles"
    written(host, f"{loaded}/usr.sbin.clamd.12", when - 1)
    written(host, f"{loaded}/usr.sbin.clamd.local.13", when + 1)
    assert stands(host, APPARMOR)
    written(host, f"{loaded}/usr.sbin.clamd.12", when + 1)
    assert not stands(host, APPARMOR)
