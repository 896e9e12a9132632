"""The declarations of the chain's actions, a module each; bodies are imported when called."""
