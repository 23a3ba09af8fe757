"""Our networks in the formats of other programs: ONNX and StableHLO."""
