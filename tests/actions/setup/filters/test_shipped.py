"""Hosts as their packages leave them: what is found, mended, and taken back byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.actions.setup.filters.conftest import corrected, looked, undone
from tests.actions.setup.filters.tree import contents, furnish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.setup.filters.tree import TreeHost

BROKEN = {
    "debian": {"milter-greylist.socket_mode"},
    "rhel": {
        "clamd.example",
        "clamd.log",
        "clamd.local_socket",
        "freshclam.example",
        "freshclam.log",
        "clamav-milter.example",
        "clamav-milter.log",
        "clamav-milter.milter_socket",
        "clamav-milter.milter_socket_mode",
        "clamav-milter.clamd_socket",
        "milter-greylist.socket_mode",
        "milter-manager.groups",
        "milter-manager.socket_group",
    },
}


@pytest.mark.parametrize("layout", BROKEN)
def test_what_does_not_work_deviates_and_what_may_be_meant_is_a_choice(
    folder: Path, layout: str
) -> None:
    host = furnish(folder, layout)
    found = looked(host)
    assert {one.name for one in found if one.verdict == "deviates"} == BROKEN[layout]
    assert {one.verdict for one in found} == {"deviates", "choice"}
    assert all(one.why and one.wanted and one.file for one in found)


@pytest.mark.parametrize("layout", BROKEN)
def test_everything_is_mended_and_taken_back_byte_for_byte(folder: Path, layout: str) -> None:
    host = furnish(folder, layout)
    before = contents(host)
    entries = corrected(host)
    assert looked(host) == ()
    assert contents(host) != before
    for entry in reversed(entries):
        undone(host, entry)
    assert contents(host) == before


def test_the_lines_that_the_package_comments_out_are_put_in_force(rhel: TreeHost) -> None:
    corrected(rhel)
    text = rhel.path("/etc/clamd.d/scan.conf").read_text()
    assert "\n#Example\n" in text
    assert "\nLogFacility LOG_MAIL\n" in text
    assert "\nLocalSocket /run/clamd.scan/clamd.sock\n" in text
    assert '\nEXTRA_FLAGS="-m -r 15"\n' in rhel.path("/etc/sysconfig/spamass-milter").read_text()
    milter = rhel.path("/etc/mail/clamav-milter.conf").read_text()
    assert "\nMilterSocket /run/clamav-milter/clamav-milter.socket\n" in milter
    assert "\nMilterSocketMode 660\n" in milter
    assert "\nClamdSocket unix:/run/clamd.scan/clamd.sock\n" in milter
    greylist = rhel.path("/etc/mail/greylist.conf").read_text()
    assert greylist.endswith(
        'sm_macro "trusted_domain" "{trusted_domain}" "yes"\n'
        'racl whitelist sm_macro "trusted_domain" spf pass\n'
        'racl greylist sm_macro "trusted_domain" not spf pass\n'
        "racl greylist default\n"
    )
    freshclam = rhel.path("/etc/freshclam.conf").read_text()
    assert f"\nNotifyClamd {rhel.root}/etc/clamd.d/scan.conf\n" in freshclam


def test_debians_commented_options_are_put_in_force(debian: TreeHost) -> None:
    corrected(debian)
    text = debian.path("/etc/default/spamass-milter").read_text()
    assert '\nOPTIONS="${OPTIONS} -r 15"\n' in text
    assert '\nOPTIONS="${OPTIONS} -m"\n' in text
