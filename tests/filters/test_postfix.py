"""The same mail through the same filters: what a real Postfix does with it is what we tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from actions.chain.profiles import PROFILES
from actions.chain.samples import SAMPLES, compose
from actions.milter.chain import Edited
from tests.filters.postfix import HOSTNAME, Postfix
from tests.filters.spamassassin import start_spamass_milter
from tests.milters.asking import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actions.chain.report import ChainReport
    from tests.filters.daemons import Daemon, Daemons
    from tests.filters.opendkim import OpenDkim

Chains = dict[str, tuple[str, ...]]

BY_SMTP = [name for name, profile in PROFILES.items() if not profile.submitted]


@pytest.fixture(scope="module")
def chains(
    daemons: Daemons,
    opendkim: OpenDkim,
    clamav_milter: Daemon,
    holding_clamav_milter: Daemon,
    spamd: Daemon,
    spamass_milter: Daemon,
) -> Chains:
    """Chains of the filters, as Postfix and we name them."""
    bucket = start_spamass_milter(daemons, spamd, "to-bucket", "-b", "spam@example.org")
    signer = opendkim.signer.spec
    return {
        "rejecting": (clamav_milter.spec, spamass_milter.spec, signer),
        "holding": (holding_clamav_milter.spec, signer),
        "marking": (signer, bucket.spec, opendkim.verifier.spec),
    }


@pytest.fixture(scope="module")
def postfix(chains: Chains) -> Iterator[Postfix]:
    """A Postfix with these chains."""
    started = Postfix(chains, submitted="marking")
    try:
        started.start()
        yield started
    finally:
        started.stop()


CHANGING = (
    (rb"\nReceived: (?:from|by)[^\n]*(\n\t[^\n]*)*", b""),
    (rb"(\n\s*b=)[^;]*?(?=\n\S)", rb"\1"),
    (rb"\bt=\d+;", b"t=;"),
    (rb"header\.b=\S+?;", b"header.b=;"),
    (rb"-=_[0-9A-F]{8}\.[0-9A-F]{8}", b"-=_"),
)
"""What differs from one mail to the next: when it was received, signatures, MIME boundaries."""


def lasting(message: bytes) -> bytes:
    """Return *message* with line ends as in a queue file, without what always differs."""
    text = b"\n" + message.replace(b"\r\n", b"\n")
    for pattern, replacement in CHANGING:
        text = re.sub(pattern, replacement, text)
    return text


def asked(specs: tuple[str, ...], **options: Any) -> tuple[ChainReport, tuple[str, ...]]:
    """Ask the milters, and return the report with the recipients as the chain leaves them."""
    recipients: tuple[str, ...] = options["recipient"]

    def tell(event: object) -> None:
        nonlocal recipients
        if isinstance(event, Edited):
            recipients = tuple(address.decode() for address in event.envelope_after.recipients)

    return ask(*specs, tell=tell, **options), recipients


@pytest.mark.parametrize("profile", BY_SMTP)
@pytest.mark.parametrize("sample", ["clean", "gtube", "eicar", "8bit", "multipart"])
@pytest.mark.parametrize("chain", ["rejecting", "holding", "marking"])
def test_as_postfix(
    postfix: Postfix, chains: Chains, tmp_path: Path, chain: str, sample: str, profile: str
) -> None:
    sent = PROFILES[profile]
    recipients = (sent.recipient, f"another.{sent.recipient}")
    path = tmp_path / f"{sample}.eml"
    path.write_bytes(compose(SAMPLES[sample], sent.sender, sent.recipient, HOSTNAME))

    theirs = postfix.send(chain, sent.client, sent.sender, recipients, path.read_bytes())
    ours, our_recipients = asked(
        chains[chain], message=str(path), profile=profile, recipient=recipients
    )

    if ours.status in {"reject", "temporary-failure"}:
        assert theirs.reply == ours.reply
        return
    assert theirs.reply.startswith("250 ")
    assert theirs.queue == ("hold" if ours.status == "quarantine" else "incoming")
    assert lasting(theirs.message) == lasting(ours.message_after)
    assert theirs.recipients == our_recipients


@pytest.mark.parametrize("sample", ["clean", "gtube", "8bit"])
def test_what_a_program_on_the_host_hands_in(
    postfix: Postfix, chains: Chains, tmp_path: Path, sample: str
) -> None:
    sent = PROFILES["local"]
    recipients = (sent.recipient,)
    path = tmp_path / f"{sample}.eml"
    path.write_bytes(compose(SAMPLES[sample], sent.sender, sent.recipient, HOSTNAME))

    theirs = postfix.submit(sent.sender, recipients, path.read_bytes())
    ours, our_recipients = asked(
        chains["marking"], message=str(path), profile="local", recipient=recipients
    )

    assert theirs.queue == "incoming"
    assert lasting(theirs.message) == lasting(ours.message_after)
    assert theirs.recipients == our_recipients
