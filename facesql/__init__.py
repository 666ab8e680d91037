"""facesql: which cut-off, what will it cost, and how sure can I be? Answered from your own photos."""

__version__ = "0.1.0"
