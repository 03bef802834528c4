"""Accuracy of the program beside its peers: one command, one machine, the same split and information for all."""
