"""Features: pure formulas over daily bars, one function each; start at `data_layer.features.compute`."""
