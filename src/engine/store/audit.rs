//! The hash chain of the audit log: each entry carries the hash of the one before, so that an entry that was
//! changed, removed or put in later is found. Pure; the rows themselves are written in `mod.rs`.

/// The hash that stands before the first entry.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an entry, in hex. Lengths go in before contents, so that no two entries hash the same text.
pub(super) fn seal(number: i64, previous: &str, body: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"leeward audit 1");
    hasher.update(&number.to_le_bytes());
    hasher.update(&(previous.len() as u64).to_le_bytes());
    hasher.update(previous.as_bytes());
    hasher.update(body.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Walks the chain one row at a time.
#[derive(Debug)]
pub(super) struct ChainCheck {
    number: i64,
    hash: String,
}

impl ChainCheck {
    pub(super) fn new() -> Self {
        Self { number: 0, hash: GENESIS.to_owned() }
    }

    /// Takes the next row; `Err` carries the number at which the chain breaks.
    pub(super) fn next(&mut self, number: i64, previous: &str, body: &str, hash: &str) -> Result<(), i64> {
        let expected = self.number + 1;
        if number != expected || previous != self.hash || hash != seal(number, previous, body) {
            return Err(expected);
        }
        self.number = number;
        hash.clone_into(&mut self.hash);
        Ok(())
    }

    /// How many entries were good so far.
    pub(super) const fn entries(&self) -> i64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(bodies: &[&str]) -> Vec<(i64, String, String, String)> {
        let mut previous = GENESIS.to_owned();
        let mut rows = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            let number = i64::try_from(index).expect("small") + 1;
            let hash = seal(number, &previous, body);
            rows.push((number, previous.clone(), (*body).to_owned(), hash.clone()));
            previous = hash;
        }
        rows
    }

    fn walk(rows: &[(i64, String, String, String)]) -> Result<i64, i64> {
        let mut check = ChainCheck::new();
        for (number, previous, body, hash) in rows {
            check.next(*number, previous, body, hash)?;
        }
        Ok(check.entries())
    }

    #[test]
    fn a_whole_chain_is_accepted() {
        assert_eq!(walk(&chain(&["a", "b", "c"])), Ok(3));
        assert_eq!(walk(&[]), Ok(0));
    }

    #[test]
    fn every_kind_of_tampering_is_found_where_it_happened() {
        let whole = chain(&["a", "b", "c"]);
        let mut changed = whole.clone();
        changed[1].2 = "x".to_owned();
        assert_eq!(walk(&changed), Err(2));

        let mut resealed = changed.clone();
        resealed[1].3 = seal(2, &resealed[1].1, "x");
        assert_eq!(walk(&resealed), Err(3), "a resealed entry breaks the link to the next one");

        let mut removed = whole.clone();
        removed.remove(0);
        assert_eq!(walk(&removed), Err(1));

        let mut swapped = whole;
        swapped.swap(1, 2);
        assert_eq!(walk(&swapped), Err(2));
    }
}
