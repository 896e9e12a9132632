"""What was changed on this host: by whom, from what to what, and how to take it back."""
