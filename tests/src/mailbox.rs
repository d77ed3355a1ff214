//! The other side of a connection: takes what the engine sends on a loopback port, and may refuse it.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// Something that came.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The header `idempotency-key`.
    pub key: String,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: Value,
}

/// A loopback receiver.
pub struct Mailbox {
    /// Where it listens.
    pub url: String,
    received: Arc<Mutex<Vec<Mail>>>,
    status: Arc<AtomicU16>,
}

impl Mailbox {
    /// Opens one on a free port.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}/mail", listener.local_addr().expect("it is bound"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(200));
        let (kept, answer) = (Arc::clone(&received), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || drop(serve(stream, &kept, &answer)));
            }
        });
        Self { url, received, status }
    }

    /// What has come so far, in order; what was refused included.
    pub fn mails(&self) -> Vec<Mail> {
        self.received.lock().expect("nobody panics with the mails in hand").clone()
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Mail>>, status: &AtomicU16) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut key, mut signature, mut length) = (String::new(), String::new(), 0_usize);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => value.clone_into(&mut key),
                "webhook-signature" => value.clone_into(&mut signature),
                "content-length" => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        received.lock().expect("nobody panics with the mails in hand").push(Mail { key, signature, body });
        let status = status.load(Ordering::SeqCst);
        write!(writer, "HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n")?;
    }
}
