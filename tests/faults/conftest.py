from tests.support.prepared import prepared

__all__ = ["prepared"]
