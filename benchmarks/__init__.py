"""What things cost, measured on a cluster of one's own."""
