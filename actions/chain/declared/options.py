"""Options that several of the chain's actions take, each under the same name and words."""

from typing import Annotated

from actions.action import Option

WHAT = "what is sent"
WHO = "who sends it"
TIMES = "time limits, in seconds"
SHOWN = "what is shown"

SAMPLES = ("clean", "gtube", "eicar", "large", "8bit", "multipart", "many-recipients")
PROFILES = ("outside", "inside", "authenticated", "local")
VERDICTS = ("pass", "accept", "reject", "temporary-failure", "discard", "quarantine")
EXPECTED = ("delivered", *VERDICTS)
COLORS = ("auto", "yes", "no", "true", "false")

Milters = Annotated[
    tuple[str, ...],
    Option(
        "test this milter: unix:PATH, inet:HOST:PORT or inet:PORT@HOST; several make a "
        "chain in that order (default: the milters of this host's Postfix)",
        ("-s", "--connection-spec"),
        "SPEC",
    ),
]
Chain = Annotated[
    str,
    Option(
        "of this host's chains, test that of this service, such as submission or non_smtpd "
        "(chain.discover tells them; default: that of mail from outside, smtp)",
        metavar="SERVICE",
    ),
]
AsUser = Annotated[
    str,
    Option(
        "open the sockets with this user's rights (default, as root and for the host's "
        "own milters: Postfix's user)",
        metavar="USER",
    ),
]
Message = Annotated[
    str,
    Option(
        "send the message in FILE, or standard input for -", ("-m", "--mail-file"), "FILE", WHAT
    ),
]
Sample = Annotated[str, Option("send a built-in message", group=WHAT, choices=SAMPLES)]
Headers = Annotated[
    tuple[str, ...], Option("set a header of the message", ("-h",), "NAME:VALUE", WHAT)
]
Profile = Annotated[str, Option("the kind of client", group=WHO, choices=PROFILES)]
Sender = Annotated[
    str,
    Option("the envelope sender; <> is the null sender", ("-f", "--envelope-from"), "ADDRESS", WHO),
]
Recipients = Annotated[
    tuple[str, ...], Option("an envelope recipient", ("-r", "--envelope-recipient"), "ADDRESS", WHO)
]
AllTimeouts = Annotated[float | None, Option("all of the waits for a milter at once", group=TIMES)]
ConnectionTimeout = Annotated[float | None, Option("to connect (Postfix: 30)", group=TIMES)]
ReadingTimeout = Annotated[
    float | None,
    Option("for each reply before end of message (Postfix: 30; content: 300)", group=TIMES),
]
WritingTimeout = Annotated[float | None, Option("for the milter to take what is sent", group=TIMES)]
EndTimeout = Annotated[
    float | None, Option("for the reply to end of message (Postfix: 300)", group=TIMES)
]
