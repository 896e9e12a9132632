"""The services' actions, declared; their bodies are imported when called."""
