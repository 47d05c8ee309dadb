"""The parts that :func:`clvkit.datasets.simulate_log` puts together."""
