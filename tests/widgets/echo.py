"""An action of the tests with a parameter of every shape; declared as a capability would."""

from typing import Annotated, NamedTuple

from actions.action import Context, Exit, Option, report


class Echo(NamedTuple):
    """What the action was told."""

    given: dict[str, object]
    schema: str = "test.echo/1"
    exit_code: int = Exit.FINE


@report("test.echo")
def echo(
    ctx: Context,
    *,
    name: Annotated[str, Option("who [/x] it is", metavar="NAME")],
    kind: Annotated[str, Option("which kind", choices=("one", "two"))] = "one",
    password: Annotated[str, Option("the secret", secret=True)] = "",
    count: Annotated[int, Option("how many", group="more")] = 1,
    patience: Annotated[float | None, Option("how long", group="more")] = None,
    loud: Annotated[bool, Option("say it loudly", group="more")] = False,
    words: Annotated[tuple[str, ...], Option("what to say", group="more")] = (),
) -> Echo:
    """Say what it was told."""
    given = {"name": name, "kind": kind, "password": password, "count": count}
    return Echo({**given, "patience": patience, "loud": loud, "words": words})
