"""Setup: whether every setting that the mail host was installed with is as it should be."""
