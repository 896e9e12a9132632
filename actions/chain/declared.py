"""The chain's actions, declared; their bodies are imported when called.

`chain.test` answers to every option of milter-test-server under its own name too.
"""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report

if TYPE_CHECKING:
    from actions.chain.report import ChainReport

_WHAT = "what is sent"
_WHO = "who sends it"
_MACROS = "macros, each NAME:VALUE; sent whether the milter asks or not"
_TIMES = "time limits, in seconds"
_SHOWN = "what is shown"

_SAMPLES = ("clean", "gtube", "eicar", "large", "8bit", "multipart", "many-recipients")
_PROFILES = ("outside", "inside", "authenticated")
_VERDICTS = ("pass", "accept", "reject", "temporary-failure", "discard", "quarantine")
_COLORS = ("auto", "yes", "no", "true", "false")


def _macro(stage: str) -> Option:
    return Option(f"set a macro at {stage}", metavar="NAME:VALUE", group=_MACROS)


@report("chain.test")
def chain_test(
    ctx: Context,
    *,
    milter: Annotated[
        tuple[str, ...],
        Option(
            "test this milter: unix:PATH, inet:HOST:PORT or inet:PORT@HOST; several make a "
            "chain in that order (default: the milters of this host's Postfix)",
            ("-s", "--connection-spec"),
            "SPEC",
        ),
    ] = (),
    as_user: Annotated[
        str,
        Option(
            "open the sockets with this user's rights (default, as root and for the host's "
            "own milters: Postfix's user)",
            metavar="USER",
        ),
    ] = "",
    message: Annotated[
        str,
        Option(
            "send the message in FILE, or standard input for -",
            ("-m", "--mail-file"),
            "FILE",
            _WHAT,
        ),
    ] = "",
    sample: Annotated[
        str, Option("send a built-in message", group=_WHAT, choices=_SAMPLES)
    ] = "clean",
    header: Annotated[
        tuple[str, ...],
        Option("set a header of the message", ("-h",), "NAME:VALUE", _WHAT),
    ] = (),
    body: Annotated[
        tuple[str, ...],
        Option("use TEXT as the body; several are put one after another", ("-b",), "TEXT", _WHAT),
    ] = (),
    unknown: Annotated[
        tuple[str, ...],
        Option("send a command that SMTP does not know, before MAIL", (), "COMMAND", _WHAT),
    ] = (),
    profile: Annotated[
        str, Option("the kind of client", group=_WHO, choices=_PROFILES)
    ] = "outside",
    connect_host: Annotated[
        str, Option('the client\'s name; "unknown" for none', (), "NAME", _WHO)
    ] = "",
    connect_address: Annotated[
        str, Option("the client's address, or inet:PORT@ADDRESS", (), "ADDRESS", _WHO)
    ] = "",
    helo: Annotated[str, Option("the name in HELO", ("--helo-fqdn",), "NAME", _WHO)] = "",
    sender: Annotated[
        str,
        Option(
            "the envelope sender; <> is the null sender", ("-f", "--envelope-from"), "ADDRESS", _WHO
        ),
    ] = "",
    recipient: Annotated[
        tuple[str, ...],
        Option("an envelope recipient", ("-r", "--envelope-recipient"), "ADDRESS", _WHO),
    ] = (),
    authenticated_name: Annotated[
        str, Option("the authenticated user, {auth_authen}", (), "NAME", _WHO)
    ] = "",
    authenticated_type: Annotated[
        str, Option("the SASL mechanism, {auth_type}", (), "TYPE", _WHO)
    ] = "",
    authenticated_author: Annotated[
        str, Option("the overriding sender, {auth_author}", (), "ADDRESS", _WHO)
    ] = "",
    tls_version: Annotated[
        str, Option("the TLS version, such as TLSv1.3", (), "VERSION", _WHO)
    ] = "",
    tls_cipher: Annotated[str, Option("the TLS cipher", (), "NAME", _WHO)] = "",
    name: Annotated[str, Option("the MTA's name in {daemon_name}", (), "NAME", _MACROS)] = "",
    connect_macro: Annotated[tuple[str, ...], _macro("connect")] = (),
    helo_macro: Annotated[tuple[str, ...], _macro("HELO")] = (),
    envelope_from_macro: Annotated[tuple[str, ...], _macro("MAIL")] = (),
    envelope_recipient_macro: Annotated[tuple[str, ...], _macro("RCPT")] = (),
    data_macro: Annotated[tuple[str, ...], _macro("DATA")] = (),
    end_of_header_macro: Annotated[tuple[str, ...], _macro("end of headers")] = (),
    end_of_message_macro: Annotated[tuple[str, ...], _macro("end of message")] = (),
    negotiate_version: Annotated[
        int | None, Option("offer this protocol version: 2, 3, 4 or 6", (), "VERSION")
    ] = None,
    connection_timeout: Annotated[
        float | None, Option("to connect (Postfix: 30)", group=_TIMES)
    ] = None,
    reading_timeout: Annotated[
        float | None,
        Option("for each reply before end of message (Postfix: 30; content: 300)", group=_TIMES),
    ] = None,
    writing_timeout: Annotated[
        float | None, Option("for the milter to take what is sent", group=_TIMES)
    ] = None,
    end_of_message_timeout: Annotated[
        float | None, Option("for the reply to end of message (Postfix: 300)", group=_TIMES)
    ] = None,
    all_timeouts: Annotated[float | None, Option("all of the above at once", group=_TIMES)] = None,
    deadline: Annotated[
        float, Option("for the whole test, however often a milter asks for more time", group=_TIMES)
    ] = 600.0,
    threads: Annotated[int, Option("run N equal sessions side by side", ("-t",), "N")] = 1,
    expect: Annotated[
        str,
        Option("the verdict you want: exit 0 on it, 1 on another", choices=_VERDICTS),
    ] = "",
    exit_verdict: Annotated[
        bool, Option("exit 10 on reject, 11 tempfail, 12 discard, 13 quarantine")
    ] = False,
    brief: Annotated[
        bool, Option("print milter-test-server's two lines only", group=_SHOWN)
    ] = False,
    verbose: Annotated[
        bool, Option("show every event with its macros", ("-v",), group=_SHOWN)
    ] = False,
    trace: Annotated[bool, Option("show every packet in hexadecimal", group=_SHOWN)] = False,
    output_message: Annotated[
        bool, Option("print the message as the chain leaves it", group=_SHOWN)
    ] = False,
    save_message: Annotated[
        str, Option("write the message as the chain leaves it to FILE", (), "FILE", _SHOWN)
    ] = "",
    color: Annotated[str, Option("whether to use colour", group=_SHOWN, choices=_COLORS)] = "auto",
) -> "ChainReport":
    """Send one message through a milter, or a chain of them, as Postfix would.

    Exits 0 when the message would be delivered with every milter answering; 1 when it is
    rejected, put off, discarded or quarantined, or a recipient is refused; 6 when it could not
    be decided: no connection, a timeout, a peer that closes, or is no milter.
    The samples gtube and eicar may leave traces in greylist and Bayes databases.
    """
    from actions.chain.ask import ask
    from actions.chain.report import Shown
    from actions.chain.request import Limits, Mail, Origin, Target

    return ask(
        ctx,
        Target(milter, as_user, negotiate_version, name, threads),
        Mail(message, sample, header, body, unknown, save_message),
        Origin(
            profile,
            connect_host,
            connect_address,
            helo,
            sender,
            recipient,
            auth_name=authenticated_name,
            auth_type=authenticated_type,
            auth_author=authenticated_author,
            tls_version=tls_version,
            cipher=tls_cipher,
        ),
        {
            "connect": connect_macro,
            "helo": helo_macro,
            "mail": envelope_from_macro,
            "rcpt": envelope_recipient_macro,
            "data": data_macro,
            "end_of_header": end_of_header_macro,
            "end_of_data": end_of_message_macro,
        },
        Limits(
            all_timeouts,
            connection_timeout,
            reading_timeout,
            writing_timeout,
            end_of_message_timeout,
            deadline,
        ),
        Shown(brief, verbose, output_message, color, trace, expect, exit_verdict),
    )
