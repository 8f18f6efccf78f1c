//! Bytes to lines and lines to messages. Apart from the connection so that a fuzzer reaches it without a socket.

use super::QmpError;
use serde_json::Value;

/// The longest line that is taken in. A deep chain's `query-block` is some hundred KiB.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Cuts a stream of bytes into lines.
#[derive(Debug)]
pub struct LineReader {
    buffer: Vec<u8>,
    searched: usize,
    bytes_max: usize,
}

impl LineReader {
    /// A reader that refuses lines longer than `bytes_max`.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, bytes_max }
    }

    /// Takes in bytes as they came.
    ///
    /// # Errors
    /// When the line under way grows past the limit; the stream is useless then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), QmpError> {
        self.buffer.extend_from_slice(bytes);
        let open = self.buffer.iter().rev().take(bytes.len()).position(|b| *b == b'\n');
        if open.is_none() && self.buffer.len() > self.bytes_max {
            let reason = format!("a line is longer than {} bytes", self.bytes_max);
            return Err(QmpError::Protocol { reason });
        }
        Ok(())
    }

    /// The next whole line, without its end; empty lines are skipped.
    ///
    /// # Errors
    /// When it is longer than the limit.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, QmpError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(at) = unsearched.iter().position(|b| *b == b'\n') else {
                self.searched = self.buffer.len();
                return Ok(None);
            };
            let end = self.searched + at;
            let rest = self.buffer.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.buffer, rest);
            self.searched = 0;
            line.truncate(end);
            if line.len() > self.bytes_max {
                let reason = format!("a line is longer than {} bytes", self.bytes_max);
                return Err(QmpError::Protocol { reason });
            }
            while line.last().is_some_and(u8::is_ascii_whitespace) {
                line.pop();
            }
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

/// Something QEMU reported by itself.
#[derive(Clone, PartialEq, Debug)]
pub struct QmpEvent {
    /// `STOP`, `BLOCK_JOB_COMPLETED` and so on.
    pub name: String,
    /// Its data; null without.
    pub data: Value,
}

/// One line, understood.
#[derive(Clone, PartialEq, Debug)]
pub enum QmpMessage {
    /// The first line of a connection.
    Greeting,
    /// A reply to the command of this id (none when QEMU could not read the command).
    Reply {
        /// The id the command was sent with.
        id: Option<u64>,
        /// What it returned, or why it was refused.
        outcome: Result<Value, String>,
    },
    /// An event.
    Event(QmpEvent),
}

/// Understands one line.
///
/// # Errors
/// When it is not a message of the protocol. Nesting is bounded by the JSON parser (128 levels).
pub fn parse(line: &[u8]) -> Result<QmpMessage, QmpError> {
    let strange = |reason: String| QmpError::Protocol { reason };
    let value: Value = serde_json::from_slice(line).map_err(|e| strange(e.to_string()))?;
    let Value::Object(mut members) = value else {
        return Err(strange("a line that is not an object".to_owned()));
    };
    if members.contains_key("QMP") {
        return Ok(QmpMessage::Greeting);
    }
    let id = members.get("id").and_then(Value::as_u64);
    if let Some(returned) = members.remove("return") {
        return Ok(QmpMessage::Reply { id, outcome: Ok(returned) });
    }
    if let Some(error) = members.get("error") {
        let words = error.get("desc").and_then(Value::as_str).unwrap_or("no reason given");
        return Ok(QmpMessage::Reply { id, outcome: Err(words.to_owned()) });
    }
    if let Some(Value::String(name)) = members.remove("event") {
        let data = members.remove("data").unwrap_or(Value::Null);
        return Ok(QmpMessage::Event(QmpEvent { name, data }));
    }
    Err(strange("neither greeting, reply nor event".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(reader: &mut LineReader) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(line) = reader.next_line().expect("short lines") {
            found.push(String::from_utf8(line).expect("ascii"));
        }
        found
    }

    #[test]
    fn a_line_may_come_in_pieces_and_several_at_once() {
        let mut reader = LineReader::new(64);
        reader.feed(b"{\"a\"").expect("short");
        assert!(lines(&mut reader).is_empty());
        reader.feed(b":1}\r\n\r\n{}\n{\"b").expect("short");
        assert_eq!(lines(&mut reader), ["{\"a\":1}", "{}"]);
        reader.feed(b"\":2}\n").expect("short");
        assert_eq!(lines(&mut reader), ["{\"b\":2}"]);
    }

    #[test]
    fn a_line_past_the_limit_is_refused_before_it_is_whole() {
        let mut reader = LineReader::new(8);
        assert!(reader.feed(b"123456789").is_err());
        let mut reader = LineReader::new(8);
        reader.feed(b"123456789\n").expect("seen when it is cut");
        assert!(reader.next_line().is_err());
    }

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(parse(br#"{"QMP":{}}"#).expect("greeting"), QmpMessage::Greeting);
        assert_eq!(
            parse(br#"{"return":{"x":1},"id":7}"#).expect("reply"),
            QmpMessage::Reply { id: Some(7), outcome: Ok(serde_json::json!({"x": 1})) }
        );
        assert_eq!(
            parse(br#"{"id":7,"error":{"class":"GenericError","desc":"no"}}"#).expect("error"),
            QmpMessage::Reply { id: Some(7), outcome: Err("no".to_owned()) }
        );
        assert!(matches!(parse(br#"{"event":"STOP"}"#), Ok(QmpMessage::Event(e)) if e.name == "STOP"));
        for junk in [&b"[]"[..], b"{}", b"{\"event\":1}", b"\xff\xfe", b"nul"] {
            assert!(parse(junk).is_err(), "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_any_bytes_gives_the_same_lines(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            cut in 1usize..20,
        ) {
            let mut whole = LineReader::new(1000);
            whole.feed(&bytes).expect("below the limit");
            let mut pieces = LineReader::new(1000);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            while let Some(line) = whole.next_line().expect("short") { a.push(line); }
            for piece in bytes.chunks(cut) {
                pieces.feed(piece).expect("below the limit");
                while let Some(line) = pieces.next_line().expect("short") { b.push(line); }
            }
            prop_assert_eq!(&a, &b);
            for line in a { parse(&line).ok(); }
        }
    }
}
