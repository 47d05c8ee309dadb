"""Likelihoods and expectations as published, in mpmath: slow, plain, and right to any digit.

The tests of the models are held to them, and ``python -m benchmarks numerical`` measures how far
off the models are. They share no code with them.
"""
