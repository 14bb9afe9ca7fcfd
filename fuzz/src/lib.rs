//! What fuzz targets share: reading a script, cutting a stream, writing what was read.

mod cut;
mod packet;
mod script;

pub use cut::read_in_pieces;
pub use packet::frame_of;
pub use script::Script;
