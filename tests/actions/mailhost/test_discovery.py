"""The chains of a host, out of a real master.cf and main.cf as postconf tells them."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from actions.finding import Health
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError
from actions.mailhost.chain import connector_as
from actions.mailhost.discovery import Discovery, discover, find_chain
from actions.mailhost.managed import PROGRAM
from actions.milter.transport import connect
from tests.actions.mailhost.private import PrivateHost, private_host

MAIN = """\
inet_milters = inet:filter.example.net:8891
smtpd_milters = $inet_milters, unix:/run/a.sock
non_smtpd_milters = unix:local/signer.sock
smtpd_milter_maps = cidr:/etc/postfix/milter_map
"""

MASTER = """\
127.0.0.1:10025 inet n - n - - smtpd -o receive_override_options=no_milters
submission inet n - n - - smtpd
  -o inet_milters= -o milter_macro_daemon_name=ORIGINATING -o milter_connect_macros=j
smtps inet n - n - - smtpd
  -o inet_milters= -o milter_macro_daemon_name=ORIGINATING -o milter_connect_macros=j
  -o smtpd_tls_wrappermode=yes
smtp inet n - n - - smtpd
smtp unix - - n - - smtp
pickup unix n - n 60 1 pickup
  -o cleanup_service_name=inner -o non_smtpd_milters=
cleanup unix n - n - 0 cleanup
inner unix n n y - 0 cleanup -o milter_default_action=accept
"""


def test_services_are_told_with_their_own_chains(tmp_path: Path) -> None:
    found = discover(private_host(tmp_path, MAIN, MASTER))
    assert [(chain.name, chain.services, chain.kind) for chain in found.chains] == [
        ("smtp", ("smtp",), "smtpd"),
        ("127.0.0.1:10025", ("127.0.0.1:10025",), "smtpd"),
        ("submission", ("submission", "smtps"), "smtpd"),
        ("non_smtpd", ("pickup",), "non_smtpd"),
    ]
    smtp, inner, submission, local = found.chains
    assert smtp.chain.specs == ("inet:filter.example.net:8891", "unix:/run/a.sock")
    assert smtp.maps == "cidr:/etc/postfix/milter_map"
    assert submission.chain.specs == ("unix:/run/a.sock",)
    assert submission.chain.daemon_name == "ORIGINATING"
    assert submission.chain.macro_lists["connect"] == ("j",)
    assert (inner.chain.links, inner.off) == ((), "receive_override_options = no_milters")
    assert (smtp.off, smtp.user) == ("", "postfix")
    assert local.chain.links[0].default_action == "accept"


def test_local_mail_is_filtered_by_the_cleanup_that_pickup_names(tmp_path: Path) -> None:
    local = discover(private_host(tmp_path, MAIN, MASTER)).chains[-1]
    assert (local.chroot, local.user) == (True, "root")
    assert local.specs == ("unix:local/signer.sock",)
    assert local.chain.specs == (f"unix:{tmp_path}/queue/local/signer.sock",)
    (useless,) = local.findings
    assert useless.health is Health.DEGRADED
    assert "-o non_smtpd_milters has no effect in pickup" in useless.what


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("", "smtp"),
        ("smtp", "smtp"),
        ("25", "smtp"),
        ("465", "submission"),
        ("submissions", "submission"),
        ("587", "submission"),
        ("10025", "127.0.0.1:10025"),
        ("127.0.0.1:10025", "127.0.0.1:10025"),
        ("non_smtpd", "non_smtpd"),
        ("pickup", "non_smtpd"),
        ("nonsense", None),
    ],
)
def test_a_chain_is_found_by_service_or_port(tmp_path: Path, name: str, found: str | None) -> None:
    host = private_host(tmp_path, MAIN, MASTER)
    chain = find_chain(discover(host), name)
    assert (chain.name if chain else None) == found
    alone = find_chain(discover(host, only=name), name)
    if chain is None or alone is None:
        assert chain is alone
    else:
        assert alone._replace(name="", services=()) == chain._replace(name="", services=())


@pytest.mark.parametrize("name", ["smtp", "25"])
def test_without_port_25_mail_from_outside_comes_in_by_another(tmp_path: Path, name: str) -> None:
    rest = "submission inet n - n - - smtpd\npickup unix n - n 60 1 pickup\n"
    masters = {
        "127.0.0.1:20025": f"{rest}127.0.0.1:20025 inet n - n - - smtpd\n",
        "20025": f"127.0.0.1:465 inet n - n - - smtpd\n20025 inet n - n - - smtpd -o x=1\n{rest}",
        None: rest,
    }
    for number, (found, master) in enumerate(masters.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        chain = find_chain(discover(private_host(folder, "", master), only=name), name)
        assert (chain.name if chain else None) == found


def test_one_chain_alone_costs_no_run_for_the_others(tmp_path: Path) -> None:
    host = private_host(tmp_path, MAIN, MASTER)
    discover(host, only="")
    assert [argv[1:] for argv in host.own_commands.ran] == [("-M",), ("-x",)]


def test_behind_postscreen_mail_comes_in_by_smtpd_pass(tmp_path: Path) -> None:
    master = (
        "smtp inet n - n - 1 postscreen\nsubmission inet n - n - - smtpd -o smtpd_milters=\n"
        "smtpd pass - - n - - smtpd\n"
    )
    found = discover(private_host(tmp_path, MAIN, master))
    for name in ("", "25", "smtp", "smtpd"):
        chain = find_chain(found, name)
        assert chain is not None
        assert chain.name == "smtpd"
    submission = find_chain(found, "submission")
    assert submission is not None
    assert submission.off == "smtpd_milters is empty"


def test_a_refused_milter_is_a_finding_and_the_rest_is_told(tmp_path: Path) -> None:
    main = "smtpd_milters = inet:8891@localhost, unix:/run/a.sock\n"
    master = "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd -o smtpd_milters=x\n"
    smtp, submission = discover(private_host(tmp_path, main, master)).chains
    assert smtp.chain.specs == ("unix:/run/a.sock",)
    (finding,) = smtp.findings
    assert (finding.health, finding.where) == (Health.DOWN, "main.cf: smtpd_milters")
    assert "garbage after numerical service" in finding.why
    (finding,) = submission.findings
    assert finding.where == "master.cf: submission: -o smtpd_milters"
    assert (submission.chain.links, submission.off) == ((), "")


def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="postconf -M failed"):
        discover(private_host(tmp_path, master="smtp inet\n"))


def test_a_host_that_takes_in_no_mail_has_no_chain(tmp_path: Path) -> None:
    found = discover(private_host(tmp_path, master="qmgr unix n - n 300 1 qmgr\n"))
    assert found == Discovery(())
    assert find_chain(found) is None


class TestManager:
    """A milter-manager in the chain, and what it tells of the milters behind it."""

    SOCKET = "/run/milter-manager/milter-manager.sock"
    RECORDED = Path(__file__).with_name("show-config.txt")

    @pytest.fixture(autouse=True)
    def _as_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    def host(self, root: Path, script: str = "", spec: str = "") -> PrivateHost:
        spec = spec or f"unix:{root}{self.SOCKET}"
        host = private_host(root, f"smtpd_milters = {spec}\n", "smtp inet n - n - - smtpd\n")
        if script:
            program = Path(host.at(PROGRAM))
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        return host

    def showing(self, root: Path, **others: str) -> PrivateHost:
        return self.host(root, f"cat {self.RECORDED}", **others)

    def test_its_children_are_told_with_their_conditions(self, tmp_path: Path) -> None:
        (chain,) = discover(self.showing(tmp_path)).chains
        (manager,) = chain.managers
        assert (manager.milter, manager.trouble) == ("milter-manager", "")
        greylist, spamass, opendkim = manager.children
        assert (greylist.link.name, greylist.enabled) == ("milter-greylist", True)
        assert greylist.conditions == ("S25R", "Trust")
        assert greylist.link.default_action == "tempfail"
        assert (greylist.link.timeouts.reply, greylist.link.timeouts.end) == (30.0, 297.0)
        assert spamass.link.endpoint == parse_endpoint("inet:11120@[127.0.0.1]")
        assert "its answer is ignored" in spamass.note
        assert not opendkim.enabled
        assert chain.findings == ()

    def test_it_is_asked_as_its_own_user_once(self, tmp_path: Path) -> None:
        host = self.showing(tmp_path)
        os.makedirs(host.at("/etc/default"))
        Path(host.at("/etc/default/milter-manager")).write_text('# USER=x\nUSER="mm"\n')
        (chain,) = discover(host).chains
        asked = [
            (argv, user)
            for argv, user in zip(host.own_commands.ran, host.own_commands.users, strict=True)
            if argv[0] != "postconf"
        ]
        assert asked == [((host.at(PROGRAM), "--show-config"), "mm")]
        assert chain.managers[0].user == "mm"

    def test_others_than_root_and_its_user_do_not_run_its_configuration(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = tmp_path / "ran"
        host = self.host(tmp_path, f"touch {ran}; cat {self.RECORDED}")
        os.makedirs(host.at("/etc/default"))
        settings = Path(host.at("/etc/default/milter-manager"))
        settings.write_text("USER=nobody\n")
        other = pwd.getpwnam("nobody").pw_uid + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        (manager,) = discover(host).chains[0].managers
        assert (manager.children, ran.exists()) == ((), False)
        assert manager.trouble == (
            "milter-manager's configuration is a program: "
            "run as root (or as nobody) to have it evaluated"
        )
        assert [one.health for one in manager.findings] == [Health.UNKNOWN]
        settings.write_text("USER=no-such-user\n")
        assert discover(host).chains[0].managers[0].children == ()
        assert not ran.exists()
        monkeypatch.setattr(os, "geteuid", lambda: other - 1)
        settings.write_text("USER=nobody\n")
        assert len(discover(host).chains[0].managers[0].children) == 3
        assert ran.exists()

    def test_its_configuration_is_not_run_as_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = tmp_path / "ran"
        host = self.host(tmp_path, f"touch {ran}; cat {self.RECORDED}")
        os.makedirs(host.at("/etc/default"))
        Path(host.at("/etc/default/milter-manager")).write_text("USER=root\n")
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        (manager,) = discover(host).chains[0].managers
        assert "not evaluated with root's rights" in manager.trouble
        assert not ran.exists()

    def test_more_children_than_are_shown_are_a_finding(self, tmp_path: Path) -> None:
        script = """for n in $(seq 103); do
            echo "define_milter(\\"m$n\\") do |milter|"
            echo 'milter.connection_spec = "unix:/x"'
            echo end
        done"""
        (manager,) = discover(self.host(tmp_path, script)).chains[0].managers
        assert len(manager.children) == 100
        (finding,) = manager.findings
        assert finding.health is Health.UNKNOWN
        assert finding.why == "it has more than 100 milters; 3 are left out here"
        assert manager.trouble == finding.why

    @pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "1e300", "soon"])
    def test_a_time_limit_that_is_none_is_the_default_and_noted(
        self, tmp_path: Path, given: str
    ) -> None:
        names = ("connection", "writing", "reading", "end_of_message")
        lines = "".join(f"milter.{name}_timeout = {given}\n" for name in names)
        shown = tmp_path / "shown"
        shown.write_text(
            f'define_milter("a") do |milter|\nmilter.connection_spec = "unix:/x"\n{lines}end\n'
        )
        (manager,) = discover(self.host(tmp_path, f"cat {shown}")).chains[0].managers
        (child,) = manager.children
        assert child.link.timeouts == (297.0, 7.0, 7.0, 7.0, 297.0)
        assert f"reading_timeout = {given} is no time limit; 7 s are taken" in child.note
        assert child.note.count("is no time limit") == 4

    @pytest.mark.parametrize("spec", ["inet:127.0.0.1:10999", "inet:localhost:10999"])
    def test_a_port_is_its_own_where_its_configuration_says_so(
        self, tmp_path: Path, spec: str
    ) -> None:
        host = self.showing(tmp_path, spec=spec)
        assert discover(host).chains[0].managers == ()
        os.makedirs(host.at("/etc/sysconfig"))
        service = Path(host.at("/etc/sysconfig/milter-manager"))
        service.write_text("CONNECTION_SPEC=inet:10999@[127.0.0.1]\n")
        (chain,) = discover(host).chains
        assert [manager.milter for manager in chain.managers] == [spec.removeprefix("inet:")]

    def test_another_milter_is_none(self, tmp_path: Path) -> None:
        assert discover(self.showing(tmp_path, spec="unix:/run/a.sock")).chains[0].managers == ()

    def test_an_error_in_its_configuration_is_a_finding(self, tmp_path: Path) -> None:
        said = "milter-manager.local.conf:9: syntax error, unexpected end-of-input"
        (chain,) = discover(self.host(tmp_path, f"echo '{said}' >&2; exit 0")).chains
        (finding,) = chain.managers[0].findings
        assert finding.health is Health.DOWN
        assert said in finding.why
        assert "a reload would drop every child" in finding.why
        assert said in chain.managers[0].trouble

    def test_what_cannot_be_asked_is_unknown(self, tmp_path: Path) -> None:
        host = self.host(tmp_path, "echo 'no rights' >&2; exit 3")
        (chain,) = discover(host).chains
        (finding,) = chain.managers[0].findings
        assert finding.health is Health.UNKNOWN
        assert "ended with 3: no rights" in finding.why
        assert chain.managers[0].children == ()

    @pytest.mark.skipif(bool(shutil.which("milter-manager")), reason="it is installed here")
    def test_without_its_program_its_configuration_is_named(self, tmp_path: Path) -> None:
        host = self.host(tmp_path)
        os.makedirs(host.at("/etc/milter-manager"))
        Path(host.at("/etc/milter-manager/milter-manager.conf")).write_text("load_default\n")
        (chain,) = discover(host).chains
        (manager,) = chain.managers
        assert manager.source == "/etc/milter-manager/milter-manager.conf"
        assert "no such program" in manager.trouble
        assert [one.health for one in chain.managers[0].findings] == [Health.UNKNOWN]

    def test_an_enabled_child_without_a_socket_is_a_finding(self, tmp_path: Path) -> None:
        script = (
            """printf 'define_milter("a") do |milter|\\nmilter.connection_spec = nil\\nend\\n'"""
        )
        (chain,) = discover(self.host(tmp_path, script)).chains
        (finding,) = chain.managers[0].findings
        assert finding.what == "milter-manager can't ask a"
        assert "no connection_spec" in chain.managers[0].children[0].note

    def test_children_are_opened_as_whoever_asks(self, tmp_path: Path) -> None:
        (chain,) = discover(self.showing(tmp_path)).chains
        assert {child.link.connector for child in chain.managers[0].children} == {connect}

    def test_children_are_opened_as_their_manager_where_postfix_s_rights_are_taken(
        self, tmp_path: Path
    ) -> None:
        host = self.showing(tmp_path)
        os.makedirs(host.at("/etc/default"))
        Path(host.at("/etc/default/milter-manager")).write_text("USER=nobody\n")
        (chain,) = discover(host, connector_as(host, "postfix")).chains
        opened_as = {
            chain.chain.links[0]: "postfix",
            chain.managers[0].children[0].link: "nobody",
        }
        for link, user in opened_as.items():
            with pytest.raises(ConnectionRefusedError, match=f"asked as {user}"):
                link.connector(link.endpoint, 1.0)
