"""Services: what runs on this mail host, how it is, and how it is started and stopped."""
