"""The queue: what waits in Postfix's queue, why, until when; and what an operator does about it."""
