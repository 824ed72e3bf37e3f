"""What the benches of this folder are made of: processes and their cost, peers, load, sections, report."""
