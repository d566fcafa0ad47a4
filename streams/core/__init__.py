"""The pure part: values in, values out. No clock, no input or output, no environment."""
