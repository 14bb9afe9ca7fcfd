//! Compresses the answers to polls.
//!
//! In: a body of packets, and what the request accepts. Out: the body as gzip or zlib, or as it was. What is odd: it runs in the task of
//! the HTTP request, not in the session's, and a large body leaves even that, so that nobody waits for it. A compressor
//! is some 300 KiB, more than most bodies, so each thread keeps its own.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use flate2::{Compress, FlushCompress, Status};
use http::HeaderMap;
use proto::engine::Payload;

use super::encoding::Encoding;

/// What can be sent, the reference's favourite first.
const OFFERED: [Encoding; 2] = [Encoding::Gzip, Encoding::Deflate];
/// Up to this size, below a millisecond of work, a worker thread compresses by itself.
const MAX_INLINE: usize = 32 * 1024;
/// The window of Node's zlib, the largest there is: 32 KiB.
const WINDOW_BITS: u8 = 15;

/// A compressor and its level. A program whose servers differ in their level makes some of them anew.
type Kept = RefCell<Option<(u8, Compress)>>;

thread_local! {
    static GZIP: Kept = const { RefCell::new(None) };
    static ZLIB: Kept = const { RefCell::new(None) };
}

/// How the answer to one request may be compressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compression {
    encoding: Encoding,
    threshold: usize,
    level: u8,
}

impl Compression {
    /// `None` if compression is off or the client accepts none of ours.
    pub(super) fn for_request(threshold: Option<usize>, level: u8, request: &HeaderMap) -> Option<Self> {
        let threshold = threshold?;
        Encoding::choose(request, &OFFERED).map(|encoding| Self { encoding, threshold, level })
    }

    /// Whether a body is large enough.
    pub(super) fn applies_to(self, body: &[u8]) -> bool {
        body.len() >= self.threshold
    }

    /// A polling body, compressed, and how; as it was where that could not be done.
    pub(super) async fn compress_payload(self, payload: Payload) -> (Payload, Option<Encoding>) {
        let (form, body): (fn(Vec<u8>) -> Payload, _) = match payload {
            Payload::Text(body) => (Payload::Text, body),
            Payload::Binary(body) => (Payload::Binary, body),
        };
        match self.compress(body).await {
            Ok(compressed) => (form(compressed), Some(self.encoding)),
            Err(body) => (form(body), None),
        }
    }

    /// Gives the body back if it cannot be compressed.
    async fn compress(self, body: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        let (kept, make): (_, fn(flate2::Compression) -> Compress) = match self.encoding {
            Encoding::Gzip => (&GZIP, |level| Compress::new_gzip(level, WINDOW_BITS)),
            Encoding::Deflate => (&ZLIB, |level| Compress::new_with_window_bits(level, true, WINDOW_BITS)),
            // Not offered.
            Encoding::Brotli => return Err(body),
        };
        let level = self.level;
        if body.len() <= MAX_INLINE {
            return compress(kept, make, level, &body).ok_or(body);
        }
        // Shared, because a runtime that is being shut down runs nothing and gives nothing back.
        let body = Arc::new(body);
        let shared = body.clone();
        let compressed = tokio::task::spawn_blocking(move || compress(kept, make, level, &shared)).await;
        compressed.ok().flatten().ok_or_else(|| Arc::unwrap_or_clone(body))
    }
}

fn compress(
    kept: &'static LocalKey<Kept>,
    make: fn(flate2::Compression) -> Compress,
    level: u8,
    body: &[u8],
) -> Option<Vec<u8>> {
    kept.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|(of, _)| *of != level) {
            *kept = Some((level, make(flate2::Compression::new(level.into()))));
        }
        let (_, compressor) = kept.as_mut()?;
        compressor.reset();
        // JSON shrinks to less than that.
        let mut compressed = Vec::with_capacity(body.len() / 2 + 64);
        let mut rest = body;
        loop {
            let before = compressor.total_in();
            let status = compressor.compress_vec(rest, &mut compressed, FlushCompress::Finish).ok()?;
            if status == Status::StreamEnd {
                return Some(compressed);
            }
            // It says how much it has read in all, and reads no more than it is given.
            rest = &rest[(compressor.total_in() - before) as usize..];
            compressed.reserve(compressed.len().max(64));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, ZlibDecoder};
    use futures_util::FutureExt;
    use http::header::ACCEPT_ENCODING;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn accepting(encodings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encodings))])
    }

    async fn round_trip(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let compression = Compression { encoding, threshold: 0, level: 6 };
        let compressed = compression.compress(body.to_vec()).await.unwrap();
        let mut plain = Vec::new();
        match encoding {
            Encoding::Gzip => GzDecoder::new(&compressed[..]).read_to_end(&mut plain).unwrap(),
            Encoding::Deflate => ZlibDecoder::new(&compressed[..]).read_to_end(&mut plain).unwrap(),
            Encoding::Brotli => unreachable!("not offered"),
        };
        plain
    }

    /// Bytes that do not shrink.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[tokio::test]
    async fn what_is_compressed_reads_back_whatever_its_size_and_content() {
        let lengths = [0, 1, 1024, MAX_INLINE, MAX_INLINE + 1, 1_000_000];
        for encoding in OFFERED {
            for length in lengths {
                for body in [vec![b'x'; length], noise(length)] {
                    assert!(round_trip(encoding, &body).await == body, "{encoding:?}, {length} bytes");
                }
            }
        }
    }

    #[tokio::test]
    async fn text_shrinks() {
        let compression = Compression::for_request(Some(1024), 6, &accepting("gzip")).unwrap();
        let compressed = compression.compress(vec![b'x'; 5000]).await.unwrap();
        assert!(compressed.len() < 100, "{} bytes", compressed.len());
    }

    #[tokio::test]
    async fn a_higher_level_makes_it_shorter_and_the_lowest_only_packs_it() {
        let body: Vec<u8> = (0..20_000_u32).flat_map(|n| (n * n % 1_009).to_string().into_bytes()).collect();
        let body = &body[..MAX_INLINE];
        let mut lengths = Vec::new();
        // The thread's compressor is another one each time.
        for level in [9, 1, 0] {
            let compression = Compression { encoding: Encoding::Gzip, threshold: 0, level };
            let compressed = compression.compress(body.to_vec()).await.unwrap();
            let mut plain = Vec::new();
            GzDecoder::new(&compressed[..]).read_to_end(&mut plain).unwrap();
            assert!(plain == body, "level {level}");
            lengths.push(compressed.len());
        }
        assert!(lengths[0] < lengths[1] && lengths[1] < body.len() && body.len() < lengths[2], "{lengths:?}");
    }

    #[test]
    fn what_cannot_be_compressed_goes_out_as_it_is() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        // One that has been shut down runs no work any more.
        drop(runtime);
        let _inside = handle.enter();
        let compression = Compression { encoding: Encoding::Gzip, threshold: 0, level: 6 };
        for payload in [Payload::Text(vec![b'x'; MAX_INLINE + 1]), Payload::Binary(vec![7; MAX_INLINE + 1])] {
            let sent = compression.compress_payload(payload.clone()).now_or_never();
            assert_eq!(sent, Some((payload, None)));
        }
    }

    #[test]
    fn the_threshold_is_the_first_size_that_is_compressed() {
        let compression = Compression::for_request(Some(1024), 6, &accepting("deflate")).unwrap();
        assert_eq!(compression.encoding, Encoding::Deflate);
        assert!(compression.applies_to(&[0; 1024]) && !compression.applies_to(&[0; 1023]));
        assert!(Compression::for_request(None, 6, &accepting("gzip")).is_none());
        assert!(Compression::for_request(Some(0), 6, &accepting("br")).is_none());
    }
}
