"""The picture as a pure function: never wider than it may be, nothing cut, every service named."""

from __future__ import annotations

import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from actions.finding import Finding, Health
from actions.mailhost.service import Listener
from actions.overview.picture import picture
from actions.overview.report import Asked, Chain, Way
from actions.overview.rows import line_width, plain
from actions.overview.scene import Delivery, Inlet, Node, Outlet, Scene, Stream, scene
from tests.actions.overview.hosts import NOW, look, mail_host, service

HEALTHS = st.sampled_from((None, *Health))
NAMES = st.text("abcdefghij-@._0123456789漢é ", min_size=1, max_size=60).map(str.strip).filter(bool)
WORDS = st.text("abc de:/", max_size=120)


def nodes(depth: int) -> st.SearchStrategy[Node]:
    behind = st.lists(nodes(depth - 1), max_size=4).map(tuple) if depth else st.just(())
    facts = st.lists(st.text("abc0 ", min_size=1, max_size=40), max_size=4).map(tuple)
    return st.builds(Node, NAMES, HEALTHS, st.sampled_from(("", "down")), WORDS, facts, behind)


def several(
    of: st.SearchStrategy[object], least: int = 0, most: int = 3
) -> st.SearchStrategy[object]:
    return st.lists(of, min_size=least, max_size=most).map(tuple)


LABELS = st.sampled_from(("25", "587", "465", "local", "10025"))
STREAMS = st.builds(
    Stream,
    several(st.builds(Inlet, LABELS, HEALTHS, WORDS, several(LABELS, most=9)), 1),
    several(nodes(2)),
    WORDS,
)
OUTLETS = st.builds(Outlet, st.sampled_from(("IMAP", "POP3")), st.just(("143", "993")), HEALTHS)
SCENES = st.builds(
    Scene,
    nodes(0),
    several(STREAMS),
    WORDS,
    several(WORDS, most=2),
    HEALTHS,
    several(st.builds(Delivery, st.sampled_from(("lmtp", "local")), nodes(0), several(OUTLETS))),
    WORDS,
    several(nodes(1)),
)


def all_names(drawn: Scene) -> list[str]:
    def under(node: Node) -> list[str]:
        return [node.name, *(name for one in node.behind for name in under(one))]

    every = [drawn.mta, *drawn.beside, *(one.node for one in drawn.deliveries)]
    every += [one for stream in drawn.streams for one in stream.milters]
    return [name for node in every for name in under(node)]


PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


@settings(max_examples=150, deadline=None, phases=PHASES)
@given(SCENES, st.integers(80, 200), st.integers(5, 60))
def test_nothing_is_wider_or_cut_and_every_name_is_there(
    drawn: Scene, width: int, height: int
) -> None:
    rows = picture(drawn, width, height)
    assert max(map(line_width, rows)) <= width
    # Folding takes spaces away, and sets the branches of the tree between the pieces.
    said = "".join(char for row in rows for char in plain(row) if char not in " ─│├└┬▶")
    for name in all_names(drawn):
        whole = name.replace(" ", "")
        if len(name) < 30:  # A longer one may be folded where a tree goes on beside it.
            assert whole in said


@pytest.mark.parametrize(("width", "height"), [(80, 11), (120, 26), (200, 46)])
@pytest.mark.parametrize(
    "states",
    [
        {},
        {"milter_manager": (Health.DOWN, "permission denied")},
        {"clamd": (Health.DEGRADED, "its signatures are 9 days old")},
        dict.fromkeys(("postfix", "clamd", "dovecot"), (Health.UNKNOWN, "run as root")),
    ],
)
def test_a_mail_host_fits_each_size(
    width: int, height: int, states: dict[str, tuple[Health, str]]
) -> None:
    drawn = scene(mail_host(**states), NOW)
    rows = picture(drawn, width, height)
    assert len(rows) <= height
    assert max(map(line_width, rows)) <= width
    text = "\n".join(map(plain, rows))
    for name in all_names(drawn):
        shown = re.findall(rf"[●◐✗?] {name}(?= |$)", text, re.MULTILINE)
        assert len(shown) == 1, f"{name} once:\n{text}"
    for health, _ in states.values():
        assert f"{health.sign} " in text
        assert (health.value in text) is (health is not Health.UNKNOWN), "its reason is told below"
    for port in ("25", "587", "465", "143", "995"):
        assert port in text


def test_more_room_tells_more() -> None:
    drawn = scene(mail_host(), NOW)
    small = "\n".join(map(plain, picture(drawn, 80, 11)))
    large = "\n".join(map(plain, picture(drawn, 200, 46)))
    assert "clamd.service" not in small
    assert "clamd.service" in large
    assert "unix:/run/clamd/clamd.sock" in large
    assert "34.0 MB" in large


def test_a_port_that_each_writes_in_its_way_is_drawn_once() -> None:
    signer = service("opendkim", "milter", Listener("inet:127.0.0.1:8891", "milter"))
    chain = Chain((Way("smtp", "25"),), (Asked("localhost:8891", "inet:localhost:8891"),))
    drawn = scene(mail_host()._replace(chains=(chain,), services=(signer,)), NOW)
    assert [one.health for one in drawn.streams[0].milters] == [Health.OK]
    assert drawn.beside == ()


def test_what_is_wrong_is_said_beside_its_sign_without_colour() -> None:
    states = {"milter_manager": (Health.DOWN, "permission denied")}
    text = "\n".join(map(plain, picture(scene(mail_host(**states), NOW), 120, 30)))
    assert "✗ milter-manager" in text
    assert "down: permission denied" in text


def test_what_could_not_be_seen_shows_its_sign_and_its_name_only() -> None:
    host = mail_host(postfix=(Health.UNKNOWN, "not seen: no systemd"))
    mta, *others = host.services
    unseen = look("listener", Health.UNKNOWN, "only root may look", mta.service.listeners[0].spec)
    spec = host.chains[0].milters[0].spec
    asked = Finding(Health.UNKNOWN, "manager: may not be asked", spec, name="sockets.manager")
    # The manager is none of the services here: what its client met is all that is known of it.
    others = [one for one in others if one.service.name != "milter-manager"]
    host = host._replace(services=(mta._replace(looks=(unseen,)), *others), findings=(asked,))
    for width, height in ((80, 11), (120, 30), (200, 60)):
        text = "\n".join(map(plain, picture(scene(host, NOW), width, height)))
        assert "? postfix" in text
        assert "? milter-manager" in text
        for words in ("unknown", "not seen", "only root", "may not be asked", "postfix.service"):
            assert words not in text
