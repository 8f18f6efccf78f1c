//! Addresses as a person types them: whether one is right, and whether others can reach it. Nothing is looked up.

/// Host and port of `HOST:PORT`; IPv6 addresses stand in brackets.
fn parts(addr: &str) -> Option<(&str, u16)> {
    let (host, port) = addr.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let good = match bare {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "[]:/@".contains(c)),
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    good.then_some((bare.unwrap_or(host), port))
}

/// Whether it is a host and a port.
pub(crate) fn is_right(addr: &str) -> bool {
    parts(addr).is_some()
}

/// Whether it means the computer it is used on, whichever that is.
pub(crate) fn is_loopback(addr: &str) -> bool {
    parts(addr).is_some_and(|(host, _)| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, is_right};

    #[test]
    fn what_is_no_host_with_a_port_is_wrong() {
        for good in ["192.0.2.10:8443", "dr.example:1", "[2001:db8::1]:8443", "localhost:8443"] {
            assert!(is_right(good), "{good}");
        }
        for bad in [
            "",
            "dr.example",
            ":8443",
            "dr.example:",
            "a b:1",
            "a:0",
            "a:99999",
            "::1:8443",
            "[::1]",
            "http://a:1",
        ] {
            assert!(!is_right(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_of_this_computer_alone_are_known() {
        for addr in ["127.0.0.1:8443", "127.0.9.1:1", "[::1]:8443", "localhost:8443"] {
            assert!(is_loopback(addr), "{addr}");
        }
        for addr in ["192.0.2.10:8443", "[2001:db8::1]:8443", "dr.example:8443", ""] {
            assert!(!is_loopback(addr), "{addr}");
        }
    }
}
