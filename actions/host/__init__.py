"""The machine behind typed ports: the only door through which an action touches the host."""
