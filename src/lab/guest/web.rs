//! The guest's web server: one connection at a time, one answer for every path. A browser gets a page, anything
//! else the state as JSON. Apart from `page`, which is the console.

use crate::state::{Shared, State};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Serves for ever.
pub(crate) fn serve(listener: &TcpListener, shared: &Shared) {
    for stream in listener.incoming() {
        match stream {
            // A visitor who went away or sent rubbish is no concern of the next one.
            Ok(stream) => drop(answer(stream, shared)),
            // Out of files or memory: do not spin.
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut request = Vec::new();
    let mut chunk = [0_u8; 1024];
    while request.len() < REQUEST_BYTES_MAX && !request.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => break,
            n => request.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
    let state = shared.copy();
    let asked = String::from_utf8_lossy(&request);
    let (kind, body) = if asked.contains("text/html") {
        ("text/html; charset=utf-8", html(&state))
    } else {
        ("application/json", state.json())
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn html(state: &State) -> String {
    let escape = |s: &str| s.replace('&', "&amp;").replace('<', "&lt;");
    let (class, words) = match state.trouble() {
        Some(trouble) => ("bad", trouble),
        None if state.waits() => ("wait", "Waiting for its disks".to_owned()),
        None => ("good", "Records gap-free, both disks of one instant".to_owned()),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=2>\
         <title>{host}</title><style>body{{font:18px/1.5 system-ui,sans-serif;background:#10151d;color:#c3ccd8;\
         margin:4rem auto;max-width:40rem}}h1{{color:#6cb6ff;font-size:3rem;margin:0}}\
         .n{{font-size:4rem;color:#f4f7fb}}.good{{color:#3fb27f}}.bad{{color:#e5534b}}.wait{{color:#d9a441}}</style>\
         <h1>{host}</h1><p>{role}<p class=n>{last}<p class={class}>{words}\
         <p>At boot: records {from} to {to}. Up {up} s. Boot {boot}.</html>\n",
        host = escape(&state.settings.host),
        role = escape(&state.settings.role),
        last = state.last,
        words = escape(&words),
        from = state.at_boot.records.first,
        to = state.at_boot.records.last,
        up = state.booted.elapsed().as_secs(),
        boot = escape(&state.boot_id),
    )
}
