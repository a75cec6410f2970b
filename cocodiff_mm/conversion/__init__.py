from .convert_weights import SOURCES, Conversion, convert_file, convert_state

__all__ = ['SOURCES', 'Conversion', 'convert_file', 'convert_state']
