//! Passes a `Bytes` through serde without copying what it holds.
//!
//! serde knows byte strings only as `&[u8]`. Whoever serialises or deserialises a `Bytes` of its own lends it here while
//! the call lasts; whoever receives the slice claims it, and gets the shared `Bytes` if the slice is that very memory,
//! else a copy. What is odd: the only state of the crate outside a value, one slot per thread, empty between calls.

use std::cell::RefCell;

use bytes::Bytes;

thread_local! {
    static LENT: RefCell<Option<Bytes>> = const { RefCell::new(None) };
}

/// Runs a step of serde during which `bytes` may be claimed.
pub(super) fn lend<R>(bytes: &Bytes, step: impl FnOnce(&[u8]) -> R) -> R {
    /// Empties the slot even if the step panics.
    struct Return;
    impl Drop for Return {
        fn drop(&mut self) {
            LENT.with_borrow_mut(Option::take);
        }
    }

    LENT.set(Some(bytes.clone()));
    let _return = Return;
    step(bytes)
}

/// The slice as `Bytes`: shared if it is what was lent, else copied.
pub(super) fn claim(slice: &[u8]) -> Bytes {
    LENT.with_borrow(|lent| match lent {
        Some(bytes) if std::ptr::eq::<[u8]>(&**bytes, slice) => bytes.clone(),
        _ => Bytes::copy_from_slice(slice),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lent_memory_is_shared() {
        let bytes = Bytes::from(vec![1, 2, 3]);
        let other = bytes.to_vec();
        lend(&bytes, |slice| {
            assert_eq!(claim(slice).as_ptr(), bytes.as_ptr());
            assert_ne!(claim(&other).as_ptr(), bytes.as_ptr());
            assert_eq!(claim(&slice[1..]), [2, 3][..]);
        });
        assert_ne!(claim(&bytes).as_ptr(), bytes.as_ptr());
    }
}
