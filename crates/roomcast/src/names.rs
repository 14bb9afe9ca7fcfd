//! Names of the events that the library itself makes.

use std::sync::{Arc, LazyLock};

pub(crate) static CONNECT: LazyLock<Arc<str>> = LazyLock::new(|| "connect".into());
pub(crate) static DRAIN: LazyLock<Arc<str>> = LazyLock::new(|| "drain".into());
pub(crate) static UPGRADE: LazyLock<Arc<str>> = LazyLock::new(|| "upgrade".into());
pub(crate) static DISCONNECTING: LazyLock<Arc<str>> = LazyLock::new(|| "disconnecting".into());
pub(crate) static DISCONNECT: LazyLock<Arc<str>> = LazyLock::new(|| "disconnect".into());
