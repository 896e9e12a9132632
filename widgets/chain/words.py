"""The terms and signs of the pane, for its help."""

WORDS = (
    ("milter", "a mail filter that Postfix asks about every message"),
    ("chain", "the milters of smtpd_milters, asked one after another"),
    ("stage", "a step of the SMTP session: connect, helo, mail, …, end of message"),
    ("undecided", "a milter gave no answer; what Postfix does then is said below it"),
    (
        "GTUBE, EICAR",
        "texts that spam and virus filters take for spam and a virus, by agreement",
    ),
    ("● continue", "the milter lets it pass so far"),
    ("✓ accept", "the milter wants to see no more of it"),
    ("✗ reject, discard", "refused for good, or thrown away"),
    ("◐ tempfail, quarantine", "put off, or held back"),
    ("? trouble", "no answer: closed, timeout, protocol"),
    ("–  ·", "not sent at the milter's wish; sent, and no reply asked"),
)
