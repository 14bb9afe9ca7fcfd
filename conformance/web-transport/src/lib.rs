//! Nothing of its own: the lock file beside it is what this is for.
