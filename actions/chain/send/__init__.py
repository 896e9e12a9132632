"""A real test mail: sent by SMTP, and followed through the host's log to its end."""
