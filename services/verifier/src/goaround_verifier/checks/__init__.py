"""One file for each kind of check, behind the `Probe` protocol. A probe looks, changes nothing."""
