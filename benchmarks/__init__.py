"""What orion costs, measured beside a floor and, where one is named, beside a peer: `python -m benchmarks`."""
