//! The first sixteen bytes each way on a bulk stream: that it is one, which versions the caller knows, and whether
//! the listener takes it. TLS has said who is there before; a caller learns only here whether it is welcome.

/// Length of a call and of an answer.
pub const HELLO_BYTES: usize = 16;

const MAGIC: [u8; 8] = *b"LEEWARDB";

/// The versions this program speaks: from, to.
pub(crate) const VERSIONS: (u16, u16) = (1, 1);

/// What a caller says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The oldest version it speaks.
    pub oldest: u16,
    /// The newest version it speaks.
    pub newest: u16,
}

/// What a listener answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Welcome; this version is spoken.
    Welcome {
        /// The version.
        version: u16,
    },
    /// There is no version in common.
    NoVersion {
        /// The newest one the listener speaks.
        newest: u16,
    },
    /// The caller is no agent this one works with.
    NotAllowed,
    /// There are as many streams as there may be.
    Busy,
}

/// Bytes that are no hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the other side does not speak the replication protocol")]
pub struct NotAHello;

impl Call {
    /// The call's bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; HELLO_BYTES] {
        assemble(self.oldest, self.newest)
    }

    /// Reads a call.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAHello> {
        let (oldest, newest) = take_apart(bytes)?;
        if oldest == 0 || oldest > newest {
            return Err(NotAHello);
        }
        Ok(Self { oldest, newest })
    }

    /// The newest version that both speak.
    #[must_use]
    pub fn common(self) -> Option<u16> {
        let newest = self.newest.min(VERSIONS.1);
        (newest >= self.oldest && newest >= VERSIONS.0).then_some(newest)
    }
}

impl Answer {
    /// The answer's bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; HELLO_BYTES] {
        match self {
            Self::Welcome { version } => assemble(0, version),
            Self::NoVersion { newest } => assemble(1, newest),
            Self::NotAllowed => assemble(2, 0),
            Self::Busy => assemble(3, 0),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAHello> {
        match take_apart(bytes)? {
            (0, version) if version > 0 => Ok(Self::Welcome { version }),
            (1, newest) if newest > 0 => Ok(Self::NoVersion { newest }),
            (2, 0) => Ok(Self::NotAllowed),
            (3, 0) => Ok(Self::Busy),
            _ => Err(NotAHello),
        }
    }
}

fn assemble(a: u16, b: u16) -> [u8; HELLO_BYTES] {
    let mut bytes = [0; HELLO_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&a.to_be_bytes());
    bytes[10..12].copy_from_slice(&b.to_be_bytes());
    bytes
}

/// Magic, two numbers, and four bytes that are zero until a later version needs them.
fn take_apart(bytes: &[u8]) -> Result<(u16, u16), NotAHello> {
    let bytes = <[u8; HELLO_BYTES]>::try_from(bytes).map_err(|_length| NotAHello)?;
    let (magic, rest) = bytes.split_at(8);
    match *rest {
        [a, b, c, d, 0, 0, 0, 0] if magic == MAGIC => {
            Ok((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
        }
        _ => Err(NotAHello),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hellos_read_back_as_they_were_written() {
        let call = Call { oldest: 1, newest: 3 };
        assert_eq!(Call::parse(&call.bytes()), Ok(call));
        for answer in [
            Answer::Welcome { version: 1 },
            Answer::NoVersion { newest: 2 },
            Answer::NotAllowed,
            Answer::Busy,
        ] {
            assert_eq!(Answer::parse(&answer.bytes()), Ok(answer));
        }
    }

    #[test]
    fn versions_meet_at_the_newest_common_one() {
        assert_eq!(Call { oldest: 1, newest: 9 }.common(), Some(1));
        assert_eq!(Call { oldest: 2, newest: 9 }.common(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read_back(mut bytes in proptest::collection::vec(any::<u8>(), 0..20), magic: bool) {
            if magic && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&MAGIC);
            }
            if let Ok(call) = Call::parse(&bytes) {
                prop_assert_eq!(call.bytes().to_vec(), bytes.clone());
            }
            if let Ok(answer) = Answer::parse(&bytes) {
                prop_assert_eq!(answer.bytes().to_vec(), bytes);
            }
        }
    }
}
