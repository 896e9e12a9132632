"""How milter-manager finds milters by itself, on hosts laid out in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console.lab.services.milter_manager.configuration import load
from console.lab.services.milter_manager.detection import configured, detected
from console.lab.services.milter_manager.program import main

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = "etc/milter-manager/milter-manager.conf"
WANTS = "etc/systemd/system/multi-user.target.wants"

FILES = {
    CONFIGURATION: 'package.platform = "redhat"\nload_if_exist("milter-manager.local.conf")\n',
    "etc/mail/greylist.conf": '# socket "/old"\nsocket "/run/milter-greylist/m.sock" 660\n',
    "etc/mail/clamav-milter.conf": "#Example\nMilterSocket /run/clamav-milter/c.socket\n",
    "etc/sysconfig/spamass-milter": 'SOCKET=/run/spamass-milter/s.sock\nEXTRA_FLAGS="-m"\n',
    "etc/sysconfig/spamass-milter-postfix": "SOCKET=/run/spamass-milter/postfix/sock\n",
}
NAMES = ("milter-greylist", "clamav-milter", "spamass-milter")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a host whose three milters start at boot."""
    for name, text in FILES.items():
        written(tmp_path, name, text)
    for name in NAMES:
        link = tmp_path / WANTS / f"{name}.service"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/usr/lib/systemd/system/{name}.service")
    return tmp_path


def written(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def specs(root: Path) -> dict[str, str]:
    return {child.name: child.spec for child in detected(str(root), "redhat")}


def enabled(root: Path) -> list[str]:
    return [child.name for child in detected(str(root), "redhat") if child.enabled]


def test_milters_are_found_by_the_sockets_in_their_own_files(root: Path) -> None:
    assert specs(root) == {
        "milter-greylist": "unix:/run/milter-greylist/m.sock",
        "clamav-milter": "unix:/run/clamav-milter/c.socket",
        "spamass-milter": "unix:/run/spamass-milter/postfix/sock",
    }
    assert enabled(root) == list(NAMES)


def test_one_that_does_not_start_at_boot_is_not_asked(root: Path) -> None:
    (root / WANTS / "milter-greylist.service").unlink()
    assert enabled(root) == ["clamav-milter", "spamass-milter"]
    assert list(specs(root)) == list(NAMES)


def test_one_whose_file_is_an_example_still_is_not_asked(root: Path) -> None:
    text = FILES["etc/mail/clamav-milter.conf"].replace("#Example", "Example")
    written(root, "etc/mail/clamav-milter.conf", text)
    assert enabled(root) == ["milter-greylist", "spamass-milter"]


def test_one_without_a_socket_or_a_file_is_not_there(root: Path) -> None:
    written(root, "etc/mail/greylist.conf", '#socket "/run/old"\n')
    (root / "etc/mail/clamav-milter.conf").unlink()
    assert list(specs(root)) == ["spamass-milter"]


def test_a_comment_behind_a_socket_becomes_part_of_it_as_in_the_true_one(root: Path) -> None:
    written(root, "etc/mail/clamav-milter.conf", "MilterSocket /run/c.socket # here\n")
    assert specs(root)["clamav-milter"] == "unix:/run/c.socket # here"


def test_where_another_platform_is_set_nothing_is_looked_for(root: Path) -> None:
    assert list(detected(str(root), "debian")) == []
    written(root, CONFIGURATION, 'package.platform = "debian"\n')
    assert configured(str(root), str(root / CONFIGURATION)).children == ()


def test_the_operators_file_changes_what_was_found(root: Path) -> None:
    local = "etc/milter-manager/milter-manager.local.conf"
    text = 'define_milter("clamav-milter") do |milter|\n  milter.enabled = false\nend\n'
    written(root, local, text)
    read = configured(str(root), str(root / CONFIGURATION))
    assert [child.name for child in read.children] == list(NAMES)
    clamav = read.children[1]
    assert (clamav.enabled, clamav.spec) == (False, "unix:/run/clamav-milter/c.socket")
    assert (clamav.given["enabled"].file, clamav.given["enabled"].line) == (str(root / local), 2)


def test_what_is_shown_says_which_file_it_comes_from(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(str(root), ["--show-config"]) == 0
    shown = capsys.readouterr().out
    place = f"# {root}/etc/mail/clamav-milter.conf:2"
    spec = 'milter.connection_spec = "unix:/run/clamav-milter/c.socket"'
    assert f'{place}\ndefine_milter("clamav-milter") do |milter|\n  {place}\n  {spec}\n' in shown


def test_a_mistake_in_a_loaded_file_costs_all_children_and_is_told_with_its_place(
    root: Path,
) -> None:
    local = "etc/milter-manager/milter-manager.local.conf"
    written(root, local, 'define_milter("x") do |milter|\n  milter.enable = true\nend\n')
    read = configured(str(root), str(root / CONFIGURATION))
    assert read.children == ()
    assert read.error.startswith(f"{root / local}:2: ")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('load("gone.conf")', "m.conf:1: no such file to load -- gone.conf"),
        ('load_if_exist("gone.conf")', ""),
        ('load("gone/*.conf")', ""),
        ('load("m.conf")', "m.conf:1: "),
    ],
)
def test_files_are_loaded_beside_the_configuration(tmp_path: Path, line: str, error: str) -> None:
    file = tmp_path / "m.conf"
    file.write_text(f"{line}\n")
    read = load(str(file))
    assert read.error.startswith(f"{tmp_path}/{error}" if error else "")
    assert bool(read.error) is bool(error)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--verbose --no-daemon"], "Unknown option --verbose --no-daemon"),
        (["-x"], "Unknown option -x"),
        (["--daemon", "more"], "Unknown option more"),
    ],
)
def test_what_is_no_option_is_refused(
    argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("", argv) == 1
    assert capsys.readouterr().err == f"{complaint}\n"
