"""The lab without root: the same host, all as one user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL = """\
import json, os, smtplib
from actions.host.endpoint import parse_endpoint
from console.lab.lab import running_lab
with running_lab() as lab:
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        refused = smtp.sendmail("a@example.net", ["alice@example.org"], "Subject: hi\\r\\n\\r\\nx")
    states = [lab.host.units.state(unit) for unit in ("postfix", "clamav-milter")]
    uids = {os.stat(f"/proc/{state.main_pid}").st_uid for state in states}
    lab.host.connect_as("postfix", parse_endpoint(lab.milters[0]), 5.0).close()
    mails = os.listdir(f"{lab.root}/var/mail/alice/Maildir/new")
    account = lab.host.accounts.user("postfix")
print(json.dumps({"refused": refused, "uids": [*uids], "mails": len(mails), "own": os.geteuid(),
    "account": account.uid, "left": os.path.exists(lab.root)}))
"""

UNWRITABLE = """\
import json, os
from actions.action import Context
from actions.runner import run_plan
from actions.sockets.check import check_sockets
from actions.sockets.fix import plan_fix
from actions.host.endpoint import parse_endpoint
from console.lab.lab import running_lab
told = {}
with running_lab(["socket-unwritable"]) as lab:
    endpoint = parse_endpoint(lab.milters[0])
    try:
        lab.host.connect_as("postfix", endpoint, 5.0)
    except OSError as error:
        told["before"] = error.strerror
    ctx = Context(lab.host)
    told["found"] = check_sockets(ctx).exit_code
    told["fixed"] = run_plan(ctx, plan_fix(ctx, "", milter=lab.milters[0])).exit_code
    lab.host.connect_as("postfix", endpoint, 5.0).close()
    told["after"] = "connected"
    try:
        lab.host.connect_as("root", endpoint, 5.0)
    except Exception as error:
        told["root"] = type(error).__name__
print(json.dumps(told))
"""


SHOWN = """\
import json
from console.lab.lab import running_lab
from console.lab.services.milter_manager import PROGRAM
import subprocess
with running_lab() as lab:
    words = [lab.host.at(PROGRAM), "-u", "milter-manager", "--show-config"]
    shown = subprocess.run(words, capture_output=True, text=True, env={}, cwd="/")
print(json.dumps({"code": shown.returncode, "children": shown.stdout.count("define_milter("),
    "errors": shown.stderr}))
"""


QUEUE = """\
import json, smtplib, subprocess
from actions.action import Context
from actions.registry import find
from actions.runner import run_plan
from console.lab.lab import running_lab
told = {}
with running_lab() as lab:
    ctx = Context(lab.host)
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        smtp.sendmail("a@example.org", ["x@elsewhere.example"], "Subject: hi\\r\\n\\r\\nx")
    def run(action, **arguments):
        report = run_plan(ctx, find(action).function(ctx, **arguments))
        (message,) = find("queue.list").function(ctx).messages
        return [report.status, message.state]
    told["hold"] = run("queue.hold", state="deferred")
    told["release"] = run("queue.release", state="hold")
    told["flush"] = run("queue.flush")
    told["requeue"] = run("queue.requeue", state="deferred")
    words = [lab.host.at("/usr/sbin/postqueue"), "-j"]
    shown = subprocess.run(words, capture_output=True, text=True, env={}, cwd="/")
    told["bare"] = [shown.returncode, len(shown.stdout.splitlines()), shown.stderr]
print(json.dumps(told))
"""


def test_the_queue_can_be_worked_on_without_root(
    ordinary_user: Callable[[str], dict[str, Any]],
) -> None:
    assert ordinary_user(QUEUE) == {
        "hold": ["applied", "hold"],
        "release": ["applied", "deferred"],
        "flush": ["applied", "deferred"],
        "requeue": ["applied", "deferred"],
        "bare": [0, 1, ""],
    }


def test_mail_arrives_and_everything_runs_as_one_user(
    ordinary_user: Callable[[str], dict[str, Any]],
) -> None:
    told = ordinary_user(MAIL)
    assert told["refused"] == {}
    assert told["mails"] == 1
    assert told["uids"] == [told["own"]]
    assert told["own"] == told["account"] != 0
    assert told["left"] is False


def test_an_unwritable_socket_is_unwritable_without_root_too(
    ordinary_user: Callable[[str], dict[str, Any]],
) -> None:
    told = ordinary_user(UNWRITABLE)
    assert told["before"] == "Permission denied"
    assert (told["found"], told["fixed"]) == (1, 0)
    assert told["after"] == "connected"
    assert told["root"] == "UnknownAccount"


def test_the_command_milter_manager_needs_no_environment(
    ordinary_user: Callable[[str], dict[str, Any]],
) -> None:
    assert ordinary_user(SHOWN) == {"code": 0, "children": 3, "errors": ""}
