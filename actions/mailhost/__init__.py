"""What this host is: the milters that its Postfix uses, and as whom it opens their sockets."""
