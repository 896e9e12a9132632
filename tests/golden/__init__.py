"""Our engine beside Postfix: what a recording milter heard from each, packet by packet."""
