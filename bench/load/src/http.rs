//! HTTP/1.1 responses, as small as a load generator can have them.
//!
//! In: bytes of a connection that is kept alive; out: whole responses. Odd: headers that do not say where a response
//! ends are not looked at.

use std::borrow::Cow;

use memchr::memmem;

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response<'a> {
    /// A whole response: its body if the status is 200, and how many bytes it takes.
    Whole(Cow<'a, [u8]>, usize),
    /// Not yet a whole response.
    Part,
    /// Another status, or nothing that can be cut.
    Wrong,
}

/// Cuts the first response off.
pub(crate) fn cut(bytes: &[u8]) -> Response<'_> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Response::Part };
    let Ok(head) = str::from_utf8(&bytes[..end]) else { return Response::Wrong };
    if !head.starts_with("HTTP/1.1 200") {
        return Response::Wrong;
    }
    let body = &bytes[end + 4..];
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else { return Response::Wrong };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let Ok(length) = value.parse::<usize>() else { return Response::Wrong };
            return match body.get(..length) {
                Some(body) => Response::Whole(body.into(), end + 4 + length),
                None => Response::Part,
            };
        }
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            return match chunks(body) {
                Ok(Some((body, used))) => Response::Whole(body.into(), end + 4 + used),
                Ok(None) => Response::Part,
                Err(()) => Response::Wrong,
            };
        }
    }
    Response::Wrong
}

/// A chunked body put together, and how many bytes it takes.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ()> {
    let (mut body, mut used) = (Vec::new(), 0);
    loop {
        let Some(line) = memmem::find(&bytes[used..], b"\r\n") else { return Ok(None) };
        let size = str::from_utf8(&bytes[used..used + line]).map_err(|_| ())?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| ())?;
        used += line + 2;
        let Some(chunk) = size.checked_add(2).and_then(|end| bytes.get(used..used.checked_add(end)?)) else {
            return Ok(None);
        };
        if !chunk.ends_with(b"\r\n") {
            return Err(());
        }
        body.extend_from_slice(&chunk[..size]);
        used += size + 2;
        if size == 0 {
            return Ok(Some((body, used)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_where_its_headers_say() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP";
        assert_eq!(cut(bytes), Response::Whole(b"ok".as_slice().into(), bytes.len() - 4));
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(cut(bytes), Response::Whole(b"ok!".to_vec().into(), bytes.len()));
        for end in 0..bytes.len() {
            assert_eq!(cut(&bytes[..end]), Response::Part, "{end}");
        }
    }

    #[test]
    fn what_cannot_be_cut_is_wrong() {
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            assert_eq!(cut(bytes.as_bytes()), Response::Wrong, "{bytes}");
        }
    }
}
