"""SELinux's modules for mail: old instructions for milter-manager disable them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.changes import Command
from actions.host.errors import HostError
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.plan import Change

ENFORCE = "/sys/fs/selinux/enforce"
CONFIGURATION = "/etc/selinux/config"
DISABLED = "/var/lib/selinux/{policy}/active/modules/disabled/{module}"
"""A file of this name is there while the module is disabled (semanage.conf(5), libsemanage)."""

MODULES = ("postfix", "milter")


def _modules(ctx: Context, name: str) -> Iterator[Found]:
    if ctx.host.files.state(ctx.host.at(ENFORCE)).kind == "absent":
        return
    policy = _policy(ctx)
    for module in MODULES:
        path = ctx.host.at(DISABLED.format(policy=policy, module=module))
        result = Result(name, "as wanted", path, 0, f"{module} enabled", f"{module} enabled")
        if ctx.host.files.state(path).kind == "absent":
            yield Found(result)
            continue
        result = result._replace(
            verdict="deviates",
            about=module,
            found=f"{module} disabled",
            why=f"without the module {module} its daemons run without the rules made for them: "
            "more than they need is open to whoever takes one over, and what belongs to the "
            "module loses its labels",
            advice="instructions for milter-manager say semodule -d; what SELinux then denies is "
            "told by ausearch -m avc -ts recent, and is mended by labels (restorecon, semanage "
            "fcontext), not by taking the module out",
        )
        yield Found(result, partial(_enable, module))


def _enable(module: str, _: Context) -> tuple[Change, ...]:
    return (
        Command(
            ("semodule", "-e", module),
            undo_argv=("semodule", "-d", module),
            note="the policy is built anew, which takes about 20 s",
        ),
    )


def _policy(ctx: Context) -> str:
    try:
        text = ctx.host.files.read(ctx.host.at(CONFIGURATION)).decode("utf-8", "replace")
    except HostError:
        return "targeted"
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "SELINUXTYPE" and value.strip().isalnum():
            return value.strip()
    return "targeted"


CHECKS = (FoundCheck("selinux.modules", "SELinux's modules for mail are enabled", _modules),)
