"""The script face: `console run ACTION` does one action and exits by its verdict."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from actions.action import ActionError, Cancelled, Context, Exit, Output, Standing, refuse_effect
from console.output import put
from console.render.hint import Hints

if TYPE_CHECKING:
    import argparse

    from actions.action import Action, Report
    from actions.host.ports import Host
    from actions.plan import Plan


def run(argv: list[str], host: Host | None = None) -> int:
    """Run the action that *argv* names and return the exit code.

    Args:
        argv: the action's name and its options; empty to list all actions.
        host: the host to work on; by default this machine, or the lab given in *argv*.
    """
    if not argv or argv[0] in {"--help", "--list", "-h"}:
        return _list_actions()
    style = style_in(argv)
    try:
        return _run_action(argv, host)
    except ActionError as error:
        return fail(str(error), error.exit_code, error.next_step, style)
    except PermissionError as error:
        return fail(_os_error(error), Exit.NOT_PERMITTED, "run it as root", style)
    except OSError as error:
        return fail(_os_error(error), Exit.PROBLEM, "", style)
    except (Cancelled, KeyboardInterrupt) as ended:
        return fail(str(ended) or "cancelled", Exit.UNDECIDED, "", style)
    except Exception as error:  # noqa: BLE001  (whatever else it is, it is our defect)
        return _defect(error)


def style_in(argv: list[str]) -> str:
    """Return the output format that *argv* asks for, also where it can't be parsed."""
    if "--json" in argv:
        return "json"
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--format":
            return value if equals else following
    return "text"


def _run_action(argv: list[str], host: Host | None) -> int:
    from actions.registry import find
    from console.options import arguments, parser

    action = find(argv[0])
    parsed = parser(action).parse_args(argv[1:])
    if parsed.version:
        from console.version import version

        print(f"milter-console {version()}")
        return Exit.FINE
    if parsed.read_only:
        refuse_effect(action)
    if parsed.format == "prometheus" and not parsed.json:
        from console.render.report import refuse_unmeasured

        refuse_unmeasured(action.name)
    is_text = not parsed.json and parsed.format == "text"
    tell = _tell_all if is_text else _tell
    ctx = Context(host or _host(parsed.lab), tell, ask_secret=_ask_secret)
    given = arguments(action, parsed)
    found = _called(action, ctx, given)
    if action.kind == "plan":
        from console.change import carry_out

        return carry_out(ctx, action, cast("Plan", found), parsed, given)
    return _print_report(cast("Report", found), parsed, hints_for(ctx.host))


def _called(action: Action, ctx: Context, given: dict[str, object]) -> object:
    from actions.host.errors import HostError, NotPermitted

    try:
        return action.function(ctx, **given)
    except NotPermitted as error:
        raise ActionError(str(error), Exit.NOT_PERMITTED, "run it as root") from error
    except HostError as error:
        raise ActionError(str(error), Exit.UNDECIDED) from error
    finally:
        if standing := sys.modules.get("console.standing"):
            standing.clear()


def _print_report(report: Report, parsed: argparse.Namespace, hints: Hints) -> int:
    from console.render.report import rendered

    style = "json" if parsed.json else parsed.format
    text, code = rendered(report, style, hints)
    if text:
        put(text)
    return code


def _host(lab: str | None) -> Host:
    folder = lab or os.environ.get("MILTER_CONSOLE_LAB", "")
    if folder:
        from console.lab.lab import attach

        return attach(folder)
    from actions.host.system import SystemHost

    return SystemHost()


def _tell_all(event: object) -> None:
    """Show a program's output where the report will be, and progress as `_tell` does."""
    if not isinstance(event, Output):
        _tell(event)
        return
    from actions.printable import printable

    if standing := sys.modules.get("console.standing"):
        standing.clear()
    put(printable(event.output))


def _tell(event: object) -> None:
    """Show progress on a terminal; silent in scripts, whose output is the report.

    A text and a program's output get lines of their own; a standing line is written over the one
    before.
    """
    if not sys.stderr.isatty():
        return
    if isinstance(event, str | Output):
        from console.standing import say

        say(event if isinstance(event, str) else event.output)
    elif isinstance(event, Standing):
        from console.standing import show

        show(event.standing)


def _ask_secret(prompt: str, flag: str) -> str:
    from console.secret import ask_secret

    return ask_secret(prompt, flag)


def _list_actions() -> int:
    from actions.registry import all_actions

    capability = ""
    print("usage: console run ACTION [OPTION …]\n")
    for action in all_actions():
        head = action.name.partition(".")[0]
        if head != capability:
            print(head)
            capability = head
        print(f"  {action.name:18} {action.summary}")
    print("\n`console run ACTION --help` tells the options; --json prints a document.")
    return Exit.FINE


def fail(text: str, code: int, next_step: str, style: str) -> int:
    """Tell that an action could not be done, in the format asked for; return the exit code."""
    from actions.printable import printable

    if style == "json":
        from console.render.plain import error_document

        put(error_document(text, code, next_step))
    elif style == "nagios":
        put(f"UNKNOWN - {printable(text).replace('|', '/')}")
        return 3
    else:
        told = f"console: {printable(text)}"
        put(f"{told}\n  {printable(next_step)}" if next_step else told, to_stderr=True)
    return code


def hints_for(host: Host) -> Hints:
    """Return where the commands that a report names are meant to run."""
    if host.kind != "lab":
        return Hints()
    return Hints(getattr(host, "root", ""), getattr(host, "again", ()))


def _os_error(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _defect(error: Exception) -> int:
    import traceback

    traceback.print_exception(error)
    print("console: this is a defect of the console; please report it", file=sys.stderr)
    return Exit.DEFECT
