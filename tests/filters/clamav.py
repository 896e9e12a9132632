"""ClamAV with one signature: clamd, and clamav-milter with what it does to an infected mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.samples import EICAR
from tests.programs import needs

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon, Daemons

VIRUS = "Test-File"

CLAMD = """\
Foreground yes
LocalSocket {socket}
DatabaseDirectory {database}
TemporaryDirectory {folder}
MaxThreads 4
"""

MILTER = """\
Foreground yes
MilterSocket unix:{socket}
MilterSocketMode 666
ClamdSocket unix:{clamd}
TemporaryDirectory {folder}
LogFile {folder}/log
ReportHostname filter.test
"""


def start_clamd(daemons: Daemons, name: str = "clamd") -> Daemon:
    """Start clamd with the signature of the EICAR test string alone; it is not waited for."""
    (program,) = needs("clamd")
    folder = daemons.folder(name)
    database = daemons.folder(f"{name}/db")
    daemons.write(database / "test.ndb", f"{VIRUS}:0:*:{EICAR.hex()}\n")
    socket = folder / "socket"
    text = CLAMD.format(socket=socket, database=database, folder=folder)
    conf = daemons.write(folder / "conf", text)
    return daemons.start(folder, [program, f"--config-file={conf}"], socket)


def start_clamav_milter(daemons: Daemons, clamd: Daemon, name: str, settings: str) -> Daemon:
    """Start clamav-milter in front of *clamd*.

    Args:
        daemons: who starts it.
        clamd: the scanner.
        name: the last part of the milter's path, by which reports call it.
        settings: further lines of its configuration.
    """
    (program,) = needs("clamav-milter")
    folder = daemons.folder(f"milter-{name}")
    socket = folder / name
    text = MILTER.format(socket=socket, clamd=clamd.path, folder=folder)
    conf = daemons.write(folder / "conf", text + settings)
    milter = daemons.start(folder, [program, f"--config-file={conf}"], socket)
    milter.wait()
    return milter
