"""A question that is asked in a thread of its own while other things are done."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def begun(ask: Callable[[], T]) -> Callable[[], T]:
    """Begin to *ask*; what is returned waits for the answer, and raises what *ask* raised."""
    answers: list[T] = []
    troubles: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            troubles.append(error)

    def answer() -> T:
        thread.join()
        if troubles:
            raise troubles[0]
        return answers[0]

    thread = threading.Thread(target=work, name="meanwhile", daemon=True)
    thread.start()
    return answer
