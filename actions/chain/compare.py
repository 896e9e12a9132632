"""Two chain tests side by side: what was asked, decided and done differently; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.table import cell, headline
from actions.milter.codec import Edit
from actions.milter.protocol import ACTIONS, STEPS, Stage, names
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.chain.report import ChainReport, MilterResult, RecipientResult
    from actions.milter.session import Exchange, Negotiated

NOT_REACHED = "not reached"
"""Stands for the answer where there was none."""


class Changed(Record):
    """One thing that was so then, and is otherwise now."""

    what: str
    then: str
    """Empty where there was none."""
    now: str
    """Empty where there is none any more."""


class Shifted(Record):
    """What was added to a set of names, and what was taken away from it."""

    what: str
    lost: tuple[str, ...]
    gained: tuple[str, ...]


class EditChanged(Record):
    """An edit that vanished, appeared, or has another value."""

    then: Edit | None
    now: Edit | None


class MilterCompared(Record):
    """One milter in both runs."""

    name: str
    manager: str = ""
    """The milter-manager behind which it was asked directly; empty for one of the chain."""
    then: float | None = None
    """Seconds spent waiting for it; None where it was not asked."""
    now: float | None = None
    opening: tuple[Changed, ...] = ()
    """What differs in the negotiation: where it listens, version, trouble."""
    wishes: tuple[Shifted, ...] = ()
    """What differs in the negotiation: actions, steps, macros asked for."""
    answers: tuple[Changed, ...] = ()
    """What differs of its answers, stage by stage."""
    edits: tuple[EditChanged, ...] = ()
    slower_at: Stage | None = None
    """The stage that took most of the time by which it became slower."""

    @property
    def same(self) -> bool:
        """Whether it did the same, times aside."""
        both = (self.then is None) == (self.now is None)
        return both and not (self.opening or self.wishes or self.answers or self.edits)


class Comparison(Record):
    """What differs between two runs."""

    asked: tuple[Changed, ...]
    verdict: Changed
    """What both came to, also where that is the same."""
    outcome: tuple[Changed, ...]
    """What else came otherwise: the reply, the reason, recipients."""
    milters: tuple[MilterCompared, ...]
    then: float
    """Seconds that the whole run took."""
    now: float

    @property
    def same(self) -> bool:
        """Whether nothing differs but times."""
        told = self.asked or self.outcome or self.verdict.then != self.verdict.now
        return not told and all(one.same for one in self.milters)


def ratio(then: float | None, now: float | None) -> float | None:
    """Return how many times as long *now* is; None where that can't be told."""
    return now / then if then and now is not None else None


def compare(then: ChainReport, now: ChainReport) -> Comparison:
    """Return what differs between the run *then* and the run *now*."""
    return Comparison(
        tuple(_asked(then, now)),
        Changed("verdict", headline(then), headline(now)),
        tuple(_outcome(then, now)),
        tuple(_milters(then, now)),
        then.seconds,
        now.seconds,
    )


def _asked(then: ChainReport, now: ChainReport) -> Iterator[Changed]:
    old, new = then.setting, now.setting
    yield from _changed("sample", old.sample, new.sample)
    yield from _changed("profile", old.profile, new.profile)
    yield from _changed("client", old.client, new.client)
    yield from _changed("HELO", old.helo, new.helo)
    yield from _changed("sender", f"<{old.sender}>", f"<{new.sender}>")
    yield from _changed("recipients", _addresses(old.recipients), _addresses(new.recipients))
    yield from _changed("sockets opened as", old.as_user, new.as_user)
    yield from _changed("milters", *(_names(one) for one in (then, now)))
    yield from _changed("sessions side by side", *(_sessions(one) for one in (then, now)))


def _outcome(then: ChainReport, now: ChainReport) -> Iterator[Changed]:
    yield from _changed("reply", then.reply, now.reply)
    yield from _changed("because", then.because, now.because)
    before = {one.address: one for one in then.recipients}
    for one in now.recipients:
        if one.address in before:
            address = f"<{one.address}>"
            yield from _changed(address, _fate(before[one.address]), _fate(one))


def _changed(what: str, then: str, now: str) -> Iterator[Changed]:
    if then != now:
        yield Changed(what, then, now)


def _addresses(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return ", ".join(f"<{address}>" for address in addresses[:3]) + more


def _names(report: ChainReport) -> str:
    return ", ".join(milter.name for milter in report.milters)


def _sessions(report: ChainReport) -> str:
    return str(len(report.sessions) or 1)


def _fate(recipient: RecipientResult) -> str:
    if recipient.accepted:
        return "accepted"
    return f"refused by {recipient.refused_by or 'the MTA itself'}: {recipient.reply}"


# Milter by milter

_Key = tuple[str, str, int]


def _milters(then: ChainReport, now: ChainReport) -> Iterator[MilterCompared]:
    old, new = dict(_keyed(then)), dict(_keyed(now))
    for key in (*new, *(key for key in old if key not in new)):
        manager, name, _ = key
        yield _milter(MilterCompared(name, manager), old.get(key), new.get(key))


def _keyed(report: ChainReport) -> Iterator[tuple[_Key, MilterResult]]:
    """Yield every milter, those behind a manager below it; equal names are told by their order."""
    seen: dict[tuple[str, str], int] = {}
    for member in report.milters:
        yield _numbered("", member.name, seen), member
        for child in report.children:
            if child.manager == member.name:
                yield _numbered(child.manager, child.milter.name, seen), child.milter


def _numbered(manager: str, name: str, seen: dict[tuple[str, str], int]) -> _Key:
    seen[manager, name] = number = seen.get((manager, name), 0) + 1
    return manager, name, number


def _milter(
    blank: MilterCompared, then: MilterResult | None, now: MilterResult | None
) -> MilterCompared:
    timed = blank._replace(
        then=then.seconds if then and then.opened else None,
        now=now.seconds if now and now.opened else None,
    )
    if then is None or now is None or timed.then is None or timed.now is None:
        return timed
    return timed._replace(
        opening=tuple(_opening(then, now)),
        wishes=tuple(_wishes(then.opened, now.opened)),
        answers=tuple(_answers(then.exchanges, now.exchanges)),
        edits=tuple(_edits(_edits_of(then), _edits_of(now))),
        slower_at=_slower_at(then.exchanges, now.exchanges),
    )


def _opening(then: MilterResult, now: MilterResult) -> Iterator[Changed]:
    yield from _changed("listens at", then.endpoint, now.endpoint)
    yield from _changed("protocol version", _version(then.opened), _version(now.opened))
    yield from _changed("opening", _trouble(then.opened), _trouble(now.opened))


def _version(opened: Negotiated | None) -> str:
    return str(opened.chosen.version) if opened and opened.chosen else "none"


def _trouble(opened: Negotiated | None) -> str:
    return opened.trouble.text if opened and opened.trouble else "opened"


def _wishes(then: Negotiated | None, now: Negotiated | None) -> Iterator[Shifted]:
    old, new = then and then.chosen, now and now.chosen
    if not old or not new:
        return
    yield from _shifted("may", names(old.actions, ACTIONS), names(new.actions, ACTIONS))
    yield from _shifted("protocol", names(old.steps, STEPS), names(new.steps, STEPS))
    before, after = dict(old.macro_lists), dict(new.macro_lists)
    for stage in dict.fromkeys((*before, *after)):
        what = f"asks at {stage} for"
        yield from _shifted(what, before.get(stage, ()), after.get(stage, ()))


def _shifted(what: str, then: tuple[str, ...], now: tuple[str, ...]) -> Iterator[Shifted]:
    lost = tuple(one for one in then if one not in now)
    gained = tuple(one for one in now if one not in then)
    if lost or gained:
        yield Shifted(what, lost, gained)


def _answers(then: Sequence[Exchange], now: Sequence[Exchange]) -> Iterator[Changed]:
    for stage in Stage:
        yield from _changed(stage.words, _answer(then, stage), _answer(now, stage))


def _answer(exchanges: Sequence[Exchange], stage: Stage) -> str:
    """Return all answers at *stage*; how often each came only where they differ."""
    counts: dict[str, int] = {}
    for exchange in exchanges:
        if exchange.stage is stage:
            told = _told(exchange)
            counts[told] = counts.get(told, 0) + 1
    if len(counts) < 2:
        return next(iter(counts), NOT_REACHED)
    return ", then ".join(
        f"{told} ({count} times)" if count > 1 else told for told, count in counts.items()
    )


def _told(exchange: Exchange) -> str:
    shown = cell(exchange)
    told = f"{shown.sign} {shown.word}"
    if exchange.trouble:
        return f"{told}: {exchange.trouble.text}"
    return f"{told} {exchange.reply.smtp.text}" if exchange.reply and exchange.reply.smtp else told


def _edits_of(milter: MilterResult) -> Iterator[Edit]:
    """Yield the edits of *milter*; a new body, which comes in pieces, as one."""
    pieces: list[bytes] = []
    for exchange in milter.exchanges:
        for edit in exchange.edits:
            if edit.kind == "replace body":
                pieces.append(edit.value)
            else:
                yield edit
    if pieces:
        yield Edit("replace body", value=b"".join(pieces))


def _edits(then: Iterable[Edit], now: Iterable[Edit]) -> Iterator[EditChanged]:
    """Yield what is not the same: the new ones and those with another value, then the gone."""
    before: dict[Edit, int] = {}
    for edit in then:
        before[edit] = before.get(edit, 0) + 1
    new: list[Edit] = []
    for edit in now:
        if before.get(edit):
            before[edit] -= 1
        else:
            new.append(edit)
    gone: dict[tuple[str, bytes], list[Edit]] = {}
    for edit, count in before.items():
        gone.setdefault(_about(edit), []).extend([edit] * count)
    for edit in new:
        same = gone.get(_about(edit))
        yield EditChanged(same.pop(0) if same else None, edit)
    for left in gone.values():
        yield from (EditChanged(edit, None) for edit in left)


def _about(edit: Edit) -> tuple[str, bytes]:
    """Return what an edit is about; two of the same are one with another value."""
    if edit.kind == "change sender":
        return edit.kind, b""
    return edit.kind, edit.name.lower() if "header" in edit.kind else edit.name


def _slower_at(then: Sequence[Exchange], now: Sequence[Exchange]) -> Stage | None:
    """Return the stage that took most of what was added to the time."""
    grown = {stage: _spent(now, stage) - _spent(then, stage) for stage in Stage}
    added = sum(one for one in grown.values() if one > 0)
    stage = max(grown, key=lambda one: grown[one])
    return stage if grown[stage] > added / 2 > 0 else None


def _spent(exchanges: Sequence[Exchange], stage: Stage) -> float:
    return sum(exchange.seconds for exchange in exchanges if exchange.stage is stage)
