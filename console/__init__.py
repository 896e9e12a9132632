"""The program: entry points, rendering, the app, the walkthrough and the lab."""
