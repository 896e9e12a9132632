"""What can be set in milter-manager.conf, with what holds where nothing is set.

Names and defaults are those of milter-manager's own configuration guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | int | float | bool | tuple[str, ...] | None

SECTIONS: Mapping[str, Mapping[str, Value]] = {
    "package": {"platform": "debian", "options": None},
    "security": {"privilege_mode": False, "effective_user": None, "effective_group": None},
    "log": {"level": "default", "path": None, "use_syslog": True, "syslog_facility": "mail"},
    "manager": {
        "connection_spec": None,
        "unix_socket_mode": 0o660,
        "unix_socket_group": None,
        "remove_unix_socket_on_create": True,
        "remove_unix_socket_on_close": True,
        "daemon": False,
        "pid_file": None,
        "maintenance_interval": 10,
        "suspend_time_on_unacceptable": 5,
        "max_connections": 0,
        "max_file_descriptors": 0,
        "custom_configuration_directory": None,
        "fallback_status": "accept",
        "fallback_status_at_disconnect": "temporary-failure",
        "event_loop_backend": "glib",
        "n_workers": 0,
        "packet_buffer_size": 0,
        "connection_check_interval": 0,
        "chunk_size": 65535,
        "max_pending_finished_sessions": 0,
    },
    "controller": {
        "connection_spec": None,
        "unix_socket_mode": 0o660,
        "unix_socket_group": None,
        "remove_unix_socket_on_create": True,
        "remove_unix_socket_on_close": True,
    },
}

CHILD: Mapping[str, Value] = {
    "connection_spec": None,
    "description": None,
    "enabled": True,
    "fallback_status": "accept",
    "evaluation_mode": False,
    "applicable_conditions": (),
    "command": None,
    "command_options": None,
    "user_name": None,
    "connection_timeout": 297.0,
    "writing_timeout": 7.0,
    "reading_timeout": 7.0,
    "end_of_message_timeout": 297.0,
}
"""The items of one child, in the order in which they are shown."""

MODES = ("unix_socket_mode",)
"""Items that are written as octal numbers."""

STATUSES = ("accept", "temporary-failure", "reject", "discard")
"""What a fallback status can be."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "remote_network": ("add_local_address", "add_remote_address"),
    "milter": ("add_applicable_condition",),
}
"""By object: what is called with one value, any number of times."""


class Given(Record):
    """A value that a file gives."""

    value: Value
    line: int
    file: str = ""
    """Empty for the file of the whole configuration."""


def fits(value: Value, default: Value) -> bool:
    """Return whether *value* can stand where *default* does; None stands for a text."""
    match default:
        case bool():
            return isinstance(value, bool)
        case int() | float():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case tuple():
            return isinstance(value, tuple)
    return value is None or isinstance(value, str)
