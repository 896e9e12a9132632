"""Which clients Postfix trusts: how much of the net is in mynetworks, and an open relay's signs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.main_cf import entry_of
from actions.mailhost.values import items
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.postfix.files import MAIN, path_of, places, set_to, text_of, with_item

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

    from actions.action import Context
    from actions.setup.postfix.files import Place

_LOOPBACK = "127.0.0.0/8 [::1]/128"

_WHOLE = {4: 8, 6: 16}
"""By IP version: the shortest prefix that one owner can have."""

_USUAL = {4: 24, 6: 48}
"""By IP version: the prefix of one site."""

_NO_MATTER_WHERE = (
    "permit_",
    "reject_invalid_",
    "reject_non_fqdn_",
    "reject_unauth_pipelining",
    "reject_unknown_",
)
"""How restrictions begin that let some in, or keep some out, wherever their mail goes."""

_OPEN = (
    "anybody there may send mail through this host to anywhere: an open relay, which is used "
    "for spam within hours"
)


def _networks(ctx: Context, name: str) -> Iterator[Found]:
    yield from _style(ctx, name)
    for place in places(ctx, "mynetworks"):
        wrong = False
        for item in items(place.value):
            found = _judged(name, place, item)
            wrong = wrong or bool(found)
            if found:
                yield found
        if not wrong:
            yield Found(Result(name, "as wanted", place.file, place.line, place.value))


def _judged(name: str, place: Place, item: str) -> Found | None:
    """Return what is to be said of *item*; nothing of tables, files and what is left out."""
    import ipaddress

    text = item.replace("[", "").replace("]", "")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    about = f"{place.about}:{item}" if place.about else item
    result = Result(name, "deviates", place.file, place.line, item, severe=True, about=about)
    exact = _exact(network)
    if not _has_no_host_bits(text):
        why = (
            "Postfix refuses it (non-null host address bits): clients that no item before it "
            "names are answered 451, and their mail waits"
        )
        mend = partial(with_item, place=place, item=item, other=exact)
        return Found(result._replace(wanted=exact, why=why), mend)
    rest = " ".join(one for one in items(place.value) if one != item) or _LOOPBACK
    mend = partial(with_item, place=place, item=item, other="", instead=_LOOPBACK)
    if network.prefixlen < _WHOLE[network.version]:
        return Found(result._replace(wanted=rest, why=_OPEN), mend)
    if network.is_private or network.is_loopback or network.is_link_local:
        return None
    if network.prefixlen >= _USUAL[network.version]:
        return None
    return Found(
        result._replace(
            verdict="choice",
            severe=False,
            wanted=rest,
            why=f"{network.num_addresses} addresses of the public net may send mail through this "
            "host without a login",
            advice="it may be meant, such as for a provider's own clients",
        ),
        mend,
    )


def _exact(network: IPv4Network | IPv6Network) -> str:
    address, _, length = str(network).partition("/")
    return f"[{address}]/{length}" if network.version == 6 else f"{address}/{length}"


def _has_no_host_bits(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _style(ctx: Context, name: str) -> Iterator[Found]:
    """Yield what mynetworks is by its style, where main.cf does not set it itself."""
    if entry_of(text_of(ctx, MAIN), "mynetworks") is not None:
        return
    entry = entry_of(text_of(ctx, MAIN), "mynetworks_style")
    style = ctx.host.postfix.setting("mynetworks_style") if entry else "host"
    if style == "host" or entry is None:
        return
    for place in places(ctx, "mynetworks_style"):
        result = Result(
            name,
            "deviates" if style == "class" else "choice",
            path_of(ctx, MAIN),
            entry.where.line,
            f"mynetworks_style = {style}",
            "host",
            "it trusts the whole class A, B or C network of each of this host's addresses, its "
            "provider's other customers among them"
            if style == "class"
            else "it trusts every machine of the networks that this host is in",
            "" if style == "class" else "host trusts this machine only",
            severe=style == "class",
        )
        yield Found(result, partial(set_to, place=place, value="host"))


def _relay(ctx: Context, name: str) -> Iterator[Found]:
    names = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
    try:
        lists = {one: items(ctx.host.postfix.setting(one)) for one in names}
    except HostError:  # before Postfix 2.10
        return
    given = {one: _lets_all(words) for one, words in lists.items()}
    # Both lists are asked, and one that says no is enough; an empty one says nothing.
    opened = [one for one, opens in given.items() if opens]
    if not opened or any(not given[one] and _may_refuse(lists[one]) for one in names):
        return
    for place in places(ctx, opened[0]):
        if place.service is None:
            yield Found(
                Result(
                    name,
                    "deviates",
                    place.file,
                    place.line,
                    f"{opened[0]} = {place.value}",
                    "reject_unauth_destination before permit",
                    _OPEN.replace("anybody there", "anybody"),
                    unfixable="put reject_unauth_destination before permit; which clients may "
                    "relay is a decision",
                    severe=True,
                )
            )


def _lets_all(words: tuple[str, ...]) -> bool:
    """Return whether a list permits every destination to strangers, as far as it can be told.

    A table, a policy service or a class of one's own may say no before.
    """
    for word in words:
        if word == "permit":
            return True
        if not word.startswith(_NO_MATTER_WHERE):
            return False
    return False


def _may_refuse(words: tuple[str, ...]) -> bool:
    """Return whether a list may keep mail from going somewhere."""
    return not all(word.startswith(_NO_MATTER_WHERE) for word in words)


CHECKS = (
    FoundCheck("postfix.mynetworks", "only this site's clients may relay", _networks),
    FoundCheck("postfix.relay", "strangers may not relay", _relay),
)
