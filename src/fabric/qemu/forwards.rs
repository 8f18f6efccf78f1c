//! Which host ports a guest's forwards got. QEMU says it only in a table for people, hence a reader of its own.

use crate::spec::UsedForward;

/// Reads the table of `info usernet`: the only place where QEMU says which port it took.
pub(super) fn forwards(table: &str) -> Vec<UsedForward> {
    let mut found = Vec::new();
    let mut nic = 0;
    for line in table.lines() {
        if let Some((_, id)) = line.split_once("(net") {
            nic = id.trim_end_matches("):").parse().unwrap_or(0);
        }
        let mut words = line.split_whitespace();
        if words.next() != Some("TCP[HOST_FORWARD]") {
            continue;
        }
        let fields: Vec<&str> = words.collect();
        if let [_fd, host_addr, host_port, _guest_addr, guest_port, ..] = fields.as_slice()
            && let (Ok(host_port), Ok(guest_port)) = (host_port.parse(), guest_port.parse())
        {
            found.push(UsedForward { nic, host_addr: (*host_addr).to_owned(), host_port, guest_port });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_are_read_from_the_table() {
        let table = "Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]  14       127.0.0.1 33219       10.0.2.15    80     0     0\r\nHub -1 (net2):\r\n  TCP[HOST_FORWARD]  15       127.0.0.1 8022       10.0.2.15    22     0     0\r\n  TCP[ESTABLISHED]  16       127.0.0.1 8022       10.0.2.15    22     0     0\r\n";
        let found = forwards(table);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].nic, found[0].host_port, found[0].guest_port), (0, 33219, 80));
        assert_eq!((found[1].nic, found[1].host_port, found[1].guest_port), (2, 8022, 22));
    }
}
