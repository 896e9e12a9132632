"""Reports and plans as text, as JSON, and for monitoring; one module a kind."""
