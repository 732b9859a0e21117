//! One HTTP request to a server of this machine, as a visitor would send it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// The body of a 200 answer; what went wrong otherwise. `url` is `http://<host>:<port>`: the
/// request goes to 127.0.0.1, whatever the host is called.
pub fn get(url: &str, path: &str) -> Result<String, String> {
    let host = url.strip_prefix("http://").ok_or("an http:// URL is needed")?;
    let port = host.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let answer = ask(host, port.ok_or("a URL with a port is needed")?, path);
    let answer = answer.map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!("{}: {body}", head.lines().next().unwrap_or_default())),
    }
}

/// HTTP/1.0 needs no decoding: the end of the connection is the end of the body.
fn ask(host: &str, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
