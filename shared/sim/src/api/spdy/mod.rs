//! Frames of SPDY/3.1, as far as clients of Kubernetes send and understand them.

pub(crate) mod headers;

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that a frame may have; the length has 24 bits, and no client comes near.
const MOST_BYTES: usize = 1 << 20;
/// The first half of every control frame: the bit that marks it, and the version.
const CONTROL: u16 = 0x8003;
const FIN: u8 = 1;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The client opens a stream; the block of its headers is compressed.
    Open { stream: u32, block: Vec<u8> },
    /// The server takes a stream.
    Taken { stream: u32, block: Vec<u8> },
    /// Bytes of a stream.
    Data { stream: u32, ends: bool, bytes: Vec<u8> },
    /// A stream ends at once.
    Reset { stream: u32 },
    /// A sign of life, to be sent back as it is.
    Ping { id: u32 },
    /// The connection ends.
    GoAway,
    /// What nothing depends on: settings, windows, more headers.
    Other,
}

impl Frame {
    /// The next frame; none at the end of the connection.
    ///
    /// # Errors
    /// What the transport has, or data that is no frame.
    pub(crate) async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<Self>> {
        let mut head = [0; 8];
        match reader.read_exact(&mut head).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let [first @ .., flags, high, middle, low] = head;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if length > MOST_BYTES {
            return Err(malformed("a frame is too long"));
        }
        let mut content = vec![0; length];
        reader.read_exact(&mut content).await?;
        let number = u32::from_be_bytes(first);
        if number >> 31 == 0 {
            return Ok(Some(Self::Data { stream: number, ends: flags & FIN != 0, bytes: content }));
        }
        Self::control(number as u16, &content).map(Some)
    }

    fn control(kind: u16, content: &[u8]) -> io::Result<Self> {
        let short = || malformed("a frame is too short");
        let number = || {
            let bytes = content.first_chunk().ok_or_else(short)?;
            Ok::<u32, io::Error>(u32::from_be_bytes(*bytes) & 0x7fff_ffff)
        };
        Ok(match kind {
            // After the stream come the one it belongs to, its priority and its slot.
            1 => Self::Open {
                stream: number()?,
                block: content.get(10..).ok_or_else(short)?.to_vec(),
            },
            2 => Self::Taken {
                stream: number()?,
                block: content.get(4..).ok_or_else(short)?.to_vec(),
            },
            3 => Self::Reset { stream: number()? },
            6 => Self::Ping { id: number()? },
            7 => Self::GoAway,
            _ => Self::Other,
        })
    }

    /// The bytes of a frame that a server sends.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (first, flags, content) = match self {
            Self::Data { stream, ends, bytes } => (*stream, u8::from(*ends), bytes.clone()),
            Self::Taken { stream, block } => {
                (control(2), 0, [&stream.to_be_bytes()[..], block].concat())
            }
            // The one status there is: cancelled.
            Self::Reset { stream } => {
                (control(3), 0, [stream.to_be_bytes(), 5_u32.to_be_bytes()].concat())
            }
            Self::Ping { id } => (control(6), 0, id.to_be_bytes().to_vec()),
            Self::GoAway | Self::Other | Self::Open { .. } => (control(7), 0, vec![0; 8]),
        };
        let length = (content.len() as u32).to_be_bytes();
        let mut bytes = first.to_be_bytes().to_vec();
        bytes.push(flags);
        bytes.extend_from_slice(&length[1..]);
        bytes.extend(content);
        bytes
    }
}

const fn control(kind: u16) -> u32 {
    (CONTROL as u32) << 16 | kind as u32
}

pub(crate) fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[tokio::test]
    async fn a_frame_that_is_written_is_read_again() {
        let frames = [
            Frame::Data { stream: 3, ends: true, bytes: b"hello".to_vec() },
            Frame::Taken { stream: 5, block: vec![1, 2, 3] },
            Frame::Reset { stream: 7 },
            Frame::Ping { id: 9 },
            Frame::GoAway,
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
        let mut rest = bytes.as_slice();
        for frame in &frames {
            assert_eq!(Frame::read(&mut rest).await.unwrap().as_ref(), Some(frame));
        }
        assert_eq!(Frame::read(&mut rest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_that_ends_too_early_is_an_error() {
        let whole = Frame::Ping { id: 1 }.to_bytes();
        assert!(Frame::read(&mut &whole[..10]).await.is_err());
        let empty = [0x80, 3, 0, 1, 0, 0, 0, 0];
        assert!(Frame::read(&mut &empty[..]).await.is_err());
    }
}
