use super::*;

fn websocket(frame: &Frame) -> Vec<u8> {
    frame.websocket_slices(0).flatten().copied().collect()
}

fn payload(frames: &[Frame]) -> String {
    let mut body = Vec::new();
    frames.iter().for_each(|frame| frame.write_payload(&mut body));
    String::from_utf8(body).unwrap()
}

fn with_attachment() -> Frame {
    Frame::encode(&mut Vec::new(), |out| {
        out.extend_from_slice(b"51-[\"a\",{\"_placeholder\":true,\"num\":0}]");
        Ok::<_, ()>(vec![Bytes::from_static(&[1, 2, 3, 4])])
    })
    .unwrap()
}

#[test]
fn one_allocation_serves_both_transports() {
    let frame = Frame::text("hello");
    assert_eq!(websocket(&frame), b"\x81\x064hello");
    assert_eq!(payload(&[frame]), "4hello");
}

#[test]
fn attachments_follow_their_packet() {
    let frame = with_attachment();
    assert!(websocket(&frame).ends_with(b"\x82\x04\x01\x02\x03\x04"));
    assert_eq!(
        payload(&[Frame::packet("6"), frame]),
        "6\u{1e}451-[\"a\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA=="
    );
}

#[test]
fn a_bare_binary_message_has_no_text() {
    let frame = Frame::binary(Bytes::from_static(&[0xDE, 0xAD]));
    assert_eq!(websocket(&frame), [0x82, 2, 0xDE, 0xAD]);
    assert_eq!(payload(&[frame]), "b3q0=");
}

#[test]
fn control_frames_are_what_their_packets_encode_to() {
    assert_eq!(websocket(&Frame::ping()), websocket(&Frame::packet("2")));
    assert_eq!(websocket(&Frame::pong()), websocket(&Frame::packet("3")));
    assert_eq!(websocket(&Frame::probe_pong()), websocket(&Frame::packet("3probe")));
}

#[test]
fn a_frame_goes_on_after_any_number_of_written_bytes() {
    let frame = with_attachment();
    let whole = websocket(&frame);
    assert_eq!(whole.len(), frame.websocket_len());
    for skip in 0..=whole.len() {
        let rest: Vec<u8> = frame.websocket_slices(skip).flatten().copied().collect();
        assert_eq!(rest, whole[skip..], "from byte {skip}");
    }
}

#[test]
fn the_last_occurrence_of_a_text_is_replaced_and_other_clones_keep_it() {
    let mut frame = Frame::text("2[\"~~\",\"~~\"]");
    let before = frame.clone();
    assert!(frame.overwrite(b"~~", b"ab"));
    assert_eq!(frame.text_packet(), b"42[\"~~\",\"ab\"]");
    assert_eq!(before.text_packet(), b"42[\"~~\",\"~~\"]");
    assert!(!frame.overwrite(b"zz", b"ab"));
    let mut attached = with_attachment();
    assert!(attached.overwrite(b"a\"", b"b\""));
    assert!(attached.overwrite(&[2, 3], &[9, 8]), "behind the text as well");
    assert!(!attached.overwrite(&[2, 3], &[9, 8]));
    assert_eq!(attached.attachments()[0].data()[..], [1, 9, 8, 4]);
    assert!(attached.text_packet().starts_with(b"451-[\"b\""));
    assert_eq!(attached.websocket_len(), with_attachment().websocket_len());
}
