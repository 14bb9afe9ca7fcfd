//! A packet that was read, as the frame that a server would send.

use roomcast_proto::engine::{Frame, Message, Packet};

/// The frame of a packet.
pub fn frame_of(packet: &Packet<'_>) -> Frame {
    match packet {
        Packet::Open(json) => Frame::packet(&format!("0{json}")),
        Packet::Close => Frame::packet("1"),
        Packet::Ping(data) => Frame::packet(&format!("2{data}")),
        Packet::Pong(data) => Frame::packet(&format!("3{data}")),
        Packet::Message(Message::Text(message)) => Frame::text(message),
        Packet::Message(Message::Binary(message)) => Frame::binary(message.clone()),
        Packet::Upgrade => Frame::packet("5"),
        Packet::Noop => Frame::packet("6"),
    }
}
