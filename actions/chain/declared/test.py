"""``chain.test``, declared; it answers to every option of milter-test-server by its name."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report
from actions.chain.declared.options import (
    COLORS,
    EXPECTED,
    SHOWN,
    TIMES,
    WHAT,
    WHO,
    AllTimeouts,
    AsUser,
    Chain,
    ConnectionTimeout,
    EndTimeout,
    Headers,
    Message,
    Milters,
    Profile,
    ReadingTimeout,
    Recipients,
    Sample,
    Sender,
    WritingTimeout,
)

if TYPE_CHECKING:
    from actions.chain.report import ChainReport

_MACROS = "macros, each NAME:VALUE; sent whether the milter asks or not"


def _macro(stage: str) -> Option:
    return Option(f"set a macro at {stage}", metavar="NAME:VALUE", group=_MACROS)


@report("chain.test")
def chain_test(
    ctx: Context,
    *,
    milter: Milters = (),
    chain: Chain = "",
    as_user: AsUser = "",
    message: Message = "",
    sample: Sample = "clean",
    header: Headers = (),
    body: Annotated[
        tuple[str, ...],
        Option("use TEXT as the body; several are put one after another", ("-b",), "TEXT", WHAT),
    ] = (),
    unknown: Annotated[
        tuple[str, ...],
        Option("send a command that SMTP does not know, before MAIL", (), "COMMAND", WHAT),
    ] = (),
    profile: Profile = "outside",
    connect_host: Annotated[
        str, Option('the client\'s name; "unknown" for none', (), "NAME", WHO)
    ] = "",
    connect_address: Annotated[
        str, Option("the client's address, or inet:PORT@ADDRESS", (), "ADDRESS", WHO)
    ] = "",
    helo: Annotated[str, Option("the name in HELO", ("--helo-fqdn",), "NAME", WHO)] = "",
    sender: Sender = "",
    recipient: Recipients = (),
    authenticated_name: Annotated[
        str, Option("the authenticated user, {auth_authen}", (), "NAME", WHO)
    ] = "",
    authenticated_type: Annotated[
        str, Option("the SASL mechanism, {auth_type}", (), "TYPE", WHO)
    ] = "",
    authenticated_author: Annotated[
        str, Option("the overriding sender, {auth_author}", (), "ADDRESS", WHO)
    ] = "",
    tls_version: Annotated[
        str, Option("the TLS version, such as TLSv1.3", (), "VERSION", WHO)
    ] = "",
    tls_cipher: Annotated[str, Option("the TLS cipher", (), "NAME", WHO)] = "",
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
    connection_timeout: ConnectionTimeout = None,
    reading_timeout: ReadingTimeout = None,
    writing_timeout: WritingTimeout = None,
    end_of_message_timeout: EndTimeout = None,
    all_timeouts: AllTimeouts = None,
    deadline: Annotated[
        float, Option("for the whole test, however often a milter asks for more time", group=TIMES)
    ] = 600.0,
    threads: Annotated[int, Option("run N equal sessions side by side", ("-t",), "N")] = 1,
    expect: Annotated[
        str,
        Option(
            "the verdict you want: exit 0 on it, 1 on another; delivered is pass or accept",
            choices=EXPECTED,
        ),
    ] = "",
    exit_verdict: Annotated[
        bool, Option("exit 10 on reject, 11 tempfail, 12 discard, 13 quarantine")
    ] = False,
    brief: Annotated[
        bool, Option("print milter-test-server's two lines only", group=SHOWN)
    ] = False,
    verbose: Annotated[
        bool, Option("show every event with its macros", ("-v",), group=SHOWN)
    ] = False,
    trace: Annotated[bool, Option("show every packet in hexadecimal", group=SHOWN)] = False,
    output_message: Annotated[
        bool, Option("print the message as the chain leaves it", group=SHOWN)
    ] = False,
    save_message: Annotated[
        str, Option("write the message as the chain leaves it to FILE", (), "FILE", SHOWN)
    ] = "",
    color: Annotated[str, Option("whether to use colour", group=SHOWN, choices=COLORS)] = "auto",
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
        Target(milter, chain, as_user, negotiate_version, name, threads),
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
