"""What is done: every look at the host and every plan to change it, without a screen."""
