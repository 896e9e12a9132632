"""Our engine beside Postfix: what a recording milter heard from each, packet by packet.

`record` plays the cases of `groups` to a real Postfix (`postfix`, `smtp`) whose milters are
scripted (`scripted`) and keeps what they heard; `test_golden` plays them through our engine
(`replay`, `submit`) and compares. `test_points` says which cases hold which point of a faithful
chain test; `test_record` plays some to the Postfix that is installed.

The recordings are of Postfix 3.7.11, those of ``shutdown`` and ``commands`` of 3.10.13. In these
two groups' matters, and in nothing else that is recorded, the two versions differ:

- 3.10.13 knows milter_default_action = shutdown; 3.7.11 answers 451 4.3.5 wherever it would apply.
- Of an unknown command, 3.7 tells milters the first word, 3.8 and later the whole line. In 3.8 and
  later the client hears 500 5.5.2 whatever they answer; and after a discard, 3.10.13's smtpd dies.

What is not recorded: clients on unix sockets and of an unknown family, whom no smtpd on a port can
have; milters that answer an event twice, to which Postfix pays no heed until it has lost step with
them, and which we call a violation.
"""
