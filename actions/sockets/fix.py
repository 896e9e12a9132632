"""The plan that lets a client open its socket, by one of the ways there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.finding import Health
from actions.plan import Plan, Proof
from actions.sockets.check import check_sockets
from actions.sockets.path import failing
from actions.sockets.ways.offers import offers_of
from actions.sockets.ways.report import state_of

if TYPE_CHECKING:
    from actions.action import Context
    from actions.sockets.report import EdgeState
    from actions.sockets.ways.offers import Offers
    from actions.sockets.ways.way import Offer


def plan_fix(ctx: Context, edge: str, *, way: str = "", milter: str = "") -> Plan:
    """Return the plan that lets the client of an edge open its socket.

    Args:
        ctx: the host.
        edge: the edge's name; empty where *milter* is given.
        way: which way; empty for the first that lasts.
        milter: the socket of a milter of which no edge is known.

    Raises:
        ActionError: there is no such edge or way, or no way to mend it is known.
        HostError: the host can't be asked.
    """
    state = state_of(ctx, edge, milter)
    arguments: dict[str, object] = {"edge": edge} if edge else {"milter": milter}
    if way:
        arguments["way"] = way
    title = f"Let {state.edge.user or state.edge.client} open {_aim(state)}'s socket"
    if state.finding.health is Health.OK:
        return Plan(title, "sockets.fix", arguments, "it is open already: nothing to do", ())
    if state.finding.health is Health.UNKNOWN:
        code = Exit.NOT_PERMITTED if state.finding.needs_root else Exit.UNDECIDED
        raise ActionError(f"{state.finding.what}: {state.finding.why}", code, "run it as root")
    found = offers_of(ctx.host, state)
    chosen = _chosen(state, found, way)
    restarts = any(one.kind in {"restart", "start"} for one in chosen.changes)
    proof = chosen.proof or _proof(ctx, state, found, milter, restarts=restarts)
    why = state.finding.why or state.finding.what
    lasting = chosen.way.lasting
    return Plan(title, "sockets.fix", arguments, why, chosen.changes, proof, lasting)


def _aim(state: EdgeState) -> str:
    edge = state.edge
    return edge.service or edge.name.partition(":")[2] or edge.endpoint or edge.spec


def _chosen(state: EdgeState, found: Offers, way: str) -> Offer:
    """Return the offer that is to be done; raises `ActionError`."""
    names = [one.way.name for one in found.offers]
    for one in found.offers:
        if one.way.name == way or (not way and one.way.recommended):
            return one
    declined = next((one for one in found.not_offered if one.name == way), None)
    if declined is not None:
        raise ActionError(f"{way}: {declined.why}", Exit.PROBLEM, declined.next_step)
    if way:
        raise ActionError(
            f"{way!r} does not mend {state.edge.name}",
            Exit.USAGE if names else Exit.PROBLEM,
            f"choose from: {', '.join(names)}" if names else _next_step(state),
        )
    if any(one.way.lasting for one in found.offers):
        raise ActionError(
            f"{state.edge.name}: no way is recommended",
            Exit.PROBLEM,
            f"choose one by --way: {', '.join(names)}",
        )
    if names:
        raise ActionError(
            f"{state.edge.name}: nothing that lasts is known",
            Exit.PROBLEM,
            f"until the next restart: --way {names[0]}",
        )
    why = "; ".join(dict.fromkeys(one.why for one in found.not_offered))
    step = next((one.next_step for one in found.not_offered if one.next_step), "")
    raise ActionError(
        f"{state.finding.what}: {why or state.finding.why}",
        Exit.PROBLEM,
        step or _next_step(state),
    )


def _next_step(state: EdgeState) -> str:
    step = failing(state.steps)
    if step is not None and step.kind == "missing":
        return f"start the service that makes {step.path}"
    if state.edge.speech == "milter" and state.edge.endpoint:
        return f"test it by itself: console run chain.test --milter {state.edge.endpoint}"
    return f"see what it logs: journalctl -u {state.edge.service or state.edge.client} -n 50"


def _proof(ctx: Context, state: EdgeState, found: Offers, milter: str, *, restarts: bool) -> Proof:
    """Return the look at the edge, and at the others of its socket that work now."""
    user, service = state.edge.user or state.edge.client, _aim(state)
    summary = f"connect to {service} as {user}{', after its restart' if restarts else ''}"
    others = tuple(one.name for one in found.beside)
    well: tuple[str, ...] = ()
    if others:
        seen = check_sockets(ctx, others, ()).edges
        well = tuple(one.edge.name for one in seen if one.finding.health is Health.OK)
    if well:
        summary = f"{summary}; {', '.join(well)} still works"
    asked: dict[str, object] = {"edge": (state.edge.name, *well)}
    if milter:
        asked = {"milter": (milter,), **({"edge": well} if well else {})}
    return Proof(summary, "sockets.check", asked)
