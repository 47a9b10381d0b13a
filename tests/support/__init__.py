"""What the tests share: command runners, probes, leak checks. No test lives here."""
