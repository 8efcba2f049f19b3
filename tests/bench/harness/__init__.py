"""Parts of tests/bench/peers.py."""
