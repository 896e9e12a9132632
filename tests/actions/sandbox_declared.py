"""The sandbox's own action, declared as a capability would: the proof of the tests' plans."""

from typing import Annotated, NamedTuple

from actions.action import Context, Exit, Option, report
from tests.actions.sandbox import SandboxUnits


class ProofReport(NamedTuple):
    """Whether the milter runs with the settings on the disk."""

    because: str

    @property
    def schema(self) -> str:
        return "sandbox.proof/1"

    @property
    def exit_code(self) -> Exit:
        return Exit.PROBLEM if self.because else Exit.FINE


@report("sandbox.proof")
def sandbox_proof(
    ctx: Context, *, fails: Annotated[bool, Option("find a problem")] = False
) -> ProofReport:
    """Look whether the milter took up its settings."""
    ctx.check()
    with open(f"{ctx.host.at('/etc/milter.conf')}", "rb") as file:
        wanted = file.read()
    if fails:
        return ProofReport("still refused")
    taken = SandboxUnits(ctx.host.at("")).settings_of("milter")
    return ProofReport("" if taken == wanted else "the milter runs with other settings")
