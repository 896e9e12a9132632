"""The looks at a service, each in a module of its own, and what they are made of."""
