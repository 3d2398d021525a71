"""The file: YAML with positions, its schema, environments and interpolation."""
