"""What is seen: panes and views on Textual. They show what actions return and start them."""
