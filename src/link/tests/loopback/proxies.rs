//! The way out through an HTTP proxy that wants credentials: a host enrols through it, and what is wrong with it is
//! told apart.

use crate::vault::Vault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leeward_link::{EnrolError, LinkError, Proxy, ProxyCredentials, Secret};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that lets through whoever says who they are. Where it was asked to go is kept.
async fn proxy(user: &str, password: &str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (wanted, kept) = (wanted.clone(), Arc::clone(&kept));
            tokio::spawn(async move { serve(near, &wanted, &kept).await });
        }
    });
    (addr, asked)
}

async fn serve(near: TcpStream, wanted: &str, asked: &Mutex<Vec<String>>) {
    let mut near = BufReader::new(near);
    let (mut to, mut shown) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if near.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => {
                if let Some(rest) = line.strip_prefix("CONNECT ") {
                    to = rest.split(' ').next().expect("an address").to_owned();
                }
                if let Some(rest) = line.strip_prefix("Proxy-Authorization: ") {
                    shown = rest.to_owned();
                }
            }
        }
    }
    asked.lock().expect("no panic holds it").push(to.clone());
    if shown != wanted {
        near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.ok();
        return;
    }
    let Ok(mut far) = TcpStream::connect(&to).await else {
        near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await.ok();
        return;
    };
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok();
    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
}

fn through(addr: SocketAddr, password: Option<&str>) -> Option<Proxy> {
    let credentials = password.map(|password| ProxyCredentials {
        user: "anna".to_owned(),
        password: Secret::new(password.to_owned()),
    });
    Some(Proxy { addr: addr.to_string(), credentials })
}

#[tokio::test]
async fn a_host_enrols_through_a_proxy_that_wants_credentials() {
    let vault = Vault::new(1);
    let (port, _) = vault.enrolling().await;
    let (addr, asked) = proxy("anna", "s3cret").await;
    let folder = vault.folder.path().join("host");
    let mut enrolment = vault.enrolment(&vault.key_text(1, port.addr), "hv");

    enrolment.proxy = through(addr, None);
    let unsaid = enrolment.run(&folder).await;
    let Err(EnrolError::Link(LinkError::ProxyCredentials { missing: true, .. })) = unsaid else {
        panic!("{unsaid:?}")
    };
    enrolment.proxy = through(addr, Some("n0t-this"));
    let wrong = enrolment.run(&folder).await;
    let Err(EnrolError::Link(error @ LinkError::ProxyCredentials { missing: false, .. })) = wrong else {
        panic!("{wrong:?}")
    };
    assert!(
        !format!("{error} {:?} {:?}", error, error.fault()).contains("n0t-this"),
        "passwords are not said"
    );

    enrolment.proxy = through(addr, Some("s3cret"));
    let identity = enrolment.run(&folder).await.expect("enrolled");
    assert_eq!(identity.vault, vault.id);
    let asked = asked.lock().expect("no panic holds it");
    assert_eq!(*asked, vec![port.addr.to_string(); 3], "nothing went past the proxy");
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_engine_is_told_apart_from_an_engine_that_is_away() {
    let vault = Vault::new(1);
    let (addr, _) = proxy("anna", "s3cret").await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let mut enrolment = vault.enrolment(&vault.key_text(1, nobody), "hv");
    enrolment.proxy = through(addr, Some("s3cret"));
    let refused = enrolment.run(&vault.folder.path().join("host")).await;
    let Err(EnrolError::Link(LinkError::ProxyRefused { .. })) = refused else { panic!("{refused:?}") };
}
