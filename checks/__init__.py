"""Second opinions: claims whose source the ledger contradicts, measured once more by code that shares nothing with it.

Plain loops over one network, autograd and `torch.optim`, with data, initial weights, events and fits of their own. Only
the settings are the same, and the ledger's numbers, which are read from its file to be shown beside. Nothing in this
folder imports latebloom; a test sees to that.
"""
