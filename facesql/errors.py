"""What can go wrong in a way that the user can mend."""


class FacesqlError(Exception):
    """Something a user can cause and mend; the message is one sentence that says what to do."""


class MissingPackageError(FacesqlError):
    """A package that only some commands need is not installed, or cannot work as it is."""


class InvalidFacesError(FacesqlError):
    """A table of faces holds rows that cannot be compared."""
