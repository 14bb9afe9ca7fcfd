//! Masking: the exclusive or of a payload with a repeated key of four bytes, which also undoes it.
//!
//! Bytes in, the same bytes changed in place. Odd: a piece from the middle of a payload says where it began, because
//! the key goes on turning there.

/// Masks or unmasks `data`, which begins `offset` bytes after the beginning of its payload.
///
/// ```
/// use roomcast_proto::websocket::mask;
///
/// let mut data = *b"Hello";
/// mask([0x37, 0xfa, 0x21, 0x3d], &mut data, 0);
/// assert_eq!(data, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // RFC 6455, 5.7
/// ```
#[inline]
pub fn mask(key: [u8; 4], data: &mut [u8], offset: usize) {
    // The lowest byte is the first, so turning right brings later bytes of the key to the front.
    let narrow = u32::from_le_bytes(key).rotate_right(8 * (offset % 4) as u32);
    let wide = u64::from(narrow) << 32 | u64::from(narrow);
    // Eight bytes at a time; the compiler widens this further to what the processor has.
    let (chunks, rest) = data.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_le_bytes(*chunk) ^ wide).to_le_bytes();
    }
    // A chunk is two turns of the key, so the rest starts with its first byte again.
    let (chunks, rest) = rest.as_chunks_mut::<4>();
    for chunk in chunks {
        *chunk = (u32::from_le_bytes(*chunk) ^ narrow).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(narrow.to_le_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_payload_masked_in_pieces_is_the_payload_masked_byte_by_byte(
            key: [u8; 4],
            data in proptest::collection::vec(any::<u8>(), 0..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let expected: Vec<u8> = data.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            let cut = cut.index(data.len() + 1);
            let mut pieces = data;
            mask(key, &mut pieces[..cut], 0);
            mask(key, &mut pieces[cut..], cut);
            prop_assert_eq!(pieces, expected);
        }
    }
}
