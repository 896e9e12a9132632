"""What every test starts from."""

import signal


def pytest_configure() -> None:
    """Let programs under test be ended by the signals that end them for an operator.

    A shell hands SIGINT on ignored to what it runs in the background, and nohup SIGHUP; what is
    ignored stays so in every program started from here.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
