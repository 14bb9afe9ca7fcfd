//! What the program wants to have a say in when requests come in.

use std::fmt;

use super::Handshake;

type Allow = dyn Fn(&Handshake) -> Result<(), String> + Send + Sync;

/// The functions of the program, most of them unset.
#[derive(Default)]
pub(crate) struct HttpHooks {
    pub(crate) allow: Option<Box<Allow>>,
}

impl fmt::Debug for HttpHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHooks").finish_non_exhaustive()
    }
}
