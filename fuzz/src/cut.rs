//! A stream cut into pieces: reading it so must be reading it at once.

/// A piece that is all that is left.
const REST: u8 = u8::MAX;

/// Reads `wire` in pieces of the given lengths, over and over. `decode` gets what is there of it, and gives how many bytes it
/// took and what they say; nothing if more is needed.
pub fn read_in_pieces<T, E>(
    wire: &[u8],
    pieces: &[u8],
    mut decode: impl FnMut(&mut [u8]) -> Result<(usize, Option<T>), E>,
) -> (Vec<T>, Result<(), E>) {
    let mut seen = Vec::new();
    // Unmasking changes it.
    let mut wire = wire.to_vec();
    let mut rest = &mut wire[..];
    for &piece in pieces.iter().cycle() {
        let length = if piece == REST { rest.len() } else { rest.len().min(usize::from(piece).max(1)) };
        let (mut input, after) = rest.split_at_mut(length);
        loop {
            match decode(input) {
                Ok((taken, Some(said))) => {
                    seen.push(said);
                    input = &mut input[taken..];
                }
                Ok((taken, None)) => {
                    assert_eq!(taken, input.len());
                    break;
                }
                Err(error) => return (seen, Err(error)),
            }
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    (seen, Ok(()))
}
