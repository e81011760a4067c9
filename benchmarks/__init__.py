"""What claims of speed rest on: ratios, measured side by side in one run."""
