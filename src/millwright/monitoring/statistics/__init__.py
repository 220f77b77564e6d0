"""How two samples of one column differ: the statistics of monitoring.

Pure and free of SciPy: ``merged`` compares two sorted samples in one pass, ``ranks`` and
``contingency`` test, ``kolmogorov`` and ``special`` know the distributions, ``binning`` chooses
cells, and ``together`` compares rows of many columns.
"""
