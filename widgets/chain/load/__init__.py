"""Many sessions at once on the screen: how far they are, how fast, and what fails."""
