"""``chain.send``, declared: a real mail, by SMTP."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report
from actions.chain.declared.options import WHO, Headers, Message, Sample

if TYPE_CHECKING:
    from actions.chain.send.report import SendReport

WHERE = "where it is given in"
TLS_MODES = ("none", "starttls", "implicit")
VERIFYING = ("auto", "yes", "no")


@report("chain.send", effect="sends a mail")
def chain_send(
    ctx: Context,
    *,
    recipient: Annotated[
        tuple[str, ...],
        Option(
            "send to this address; a real mail arrives there (must be given, may be repeated)",
            ("-r", "--envelope-recipient"),
            "ADDRESS",
            WHO,
        ),
    ],
    sender: Annotated[
        str,
        Option(
            "the envelope sender; <> is the null sender (default: --user where it is an address, "
            "else your own name at this host)",
            ("-f", "--envelope-from"),
            "ADDRESS",
            WHO,
        ),
    ] = "",
    message: Message = "",
    sample: Sample = "clean",
    header: Headers = (),
    server: Annotated[
        str,
        Option("give it to this server (default: this host's Postfix)", (), "HOST[:PORT]", WHERE),
    ] = "",
    port: Annotated[
        int | None,
        Option(
            "the server's port (default: 25; 587 with --user; 465 with --tls implicit; without "
            "--server only those that master.cf has)",
            (),
            "PORT",
            WHERE,
        ),
    ] = None,
    helo: Annotated[
        str, Option("the name in EHLO (default: Postfix's myhostname)", (), "NAME", WHERE)
    ] = "",
    tls: Annotated[
        str,
        Option(
            "how TLS begins (default: starttls with --user, implicit on port 465, else none)",
            group=WHERE,
            choices=TLS_MODES,
        ),
    ] = "",
    verify: Annotated[
        str,
        Option(
            "whether the server's certificate must be good; auto: where there is TLS, but not on "
            "the loopback",
            group=WHERE,
            choices=VERIFYING,
        ),
    ] = "auto",
    ca: Annotated[
        str, Option("trust the certificates in FILE (PEM), and verify", (), "FILE", WHERE)
    ] = "",
    user: Annotated[str, Option("log in as this user", (), "NAME", WHO)] = "",
    password: Annotated[
        str,
        Option(
            "read the password from file descriptor N, its first line (default: ask at the "
            "terminal)",
            metavar="N",
            group=WHO,
            secret=True,
        ),
    ] = "",
    timeout: Annotated[float, Option("seconds for each step of SMTP", group=WHERE)] = 60.0,
    deadline: Annotated[
        float,
        Option("seconds for the whole session; the last reply may take until then", group=WHERE),
    ] = 600.0,
    follow: Annotated[
        float, Option("seconds to follow the mail through this host's log; 0: not at all")
    ] = 30.0,
) -> "SendReport":
    """Send a real mail through SMTP and follow it through the log to its end.

    A mail is really sent, and arrives at its recipient. It has a Message-ID of its own and a
    header X-Milter-Console-Test. Exits 0 when it was delivered (or accepted, with --follow 0); 1
    when it was refused, bounced, deferred, held or discarded for any recipient; 6 when that
    could not be decided: no connection, a timeout, a delivery that was not seen. --read-only
    refuses it with 3.
    """
    from actions.chain.request import Mail
    from actions.chain.send.ask import Wish, send

    wish = Wish(
        recipient,
        sender,
        Mail(message, sample, header, (), (), ""),
        server,
        port,
        tls,
        verify,
        ca,
        user,
        password,
        helo,
        timeout,
        deadline,
        follow,
    )
    return send(ctx, wish)
