//! The other side of a connection: accepts what the engine sends on a loopback port, and may
//! refuse it or keep it waiting.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Something that was received.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The method.
    pub method: String,
    /// The path, with the parameters behind it.
    pub path: String,
    /// Every header line, as it came.
    pub head: String,
    /// The header `idempotency-key`.
    pub key: String,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The header `authorization`.
    pub authorization: String,
    /// The body.
    pub body: Value,
}

/// How the mailbox answers.
#[derive(Clone, Debug)]
struct Manner {
    status: u16,
    /// Lines of the head, each with its line end.
    headers: String,
    body: String,
    /// Whether it answers nothing.
    silent: bool,
}

/// A loopback receiver.
pub struct Mailbox {
    pub url: String,
    received: Arc<Mutex<Vec<Mail>>>,
    manner: Arc<(Mutex<Manner>, Condvar)>,
}

impl Mailbox {
    /// Opens a mailbox on a free port.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}/mail", listener.local_addr().expect("it is bound"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let manner = Manner { status: 200, headers: String::new(), body: String::new(), silent: false };
        let manner = Arc::new((Mutex::new(manner), Condvar::new()));
        let (kept, answer) = (Arc::clone(&received), Arc::clone(&manner));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || drop(serve(stream, &kept, &answer)));
            }
        });
        Self { url, received, manner }
    }

    /// What has come so far of one type: `email`, `message`, `notice`.
    pub fn of_type(&self, kind: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.body["type"] == kind).collect()
    }

    /// Everything that has come so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.received.lock().expect("nobody panics with the mails in hand").clone()
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.answer_with(status, &[]);
    }

    /// The same with headers.
    pub fn answer_with(&self, status: u16, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.change(|manner| *manner = Manner { status, headers, body: String::new(), ..manner.clone() });
    }

    /// Answers with this JSON from now on.
    pub fn answer_json(&self, status: u16, body: &str) {
        let (headers, body) = ("content-type: application/json\r\n".to_owned(), body.to_owned());
        self.change(|manner| *manner = Manner { status, headers, body, ..manner.clone() });
    }

    /// The address of the machine, without a path.
    pub fn origin(&self) -> &str {
        self.url.trim_end_matches("/mail")
    }

    /// Accepts what comes but answers nothing, until told otherwise.
    pub fn keep_waiting(&self, silent: bool) {
        self.change(|manner| manner.silent = silent);
    }

    fn change(&self, change: impl FnOnce(&mut Manner)) {
        let (manner, changed) = &*self.manner;
        change(&mut manner.lock().expect("nobody panics while changing it"));
        changed.notify_all();
    }
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Mail>>, manner: &(Mutex<Manner>, Condvar)) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut key, mut signature, mut authorization) = (String::new(), String::new(), String::new());
        let (mut length, mut first, mut head) = (0_usize, String::new(), String::new());
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let (method, path) = first.split_once(' ').unwrap_or_default();
        let path = path.split(' ').next().unwrap_or_default();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            head.push_str(&line);
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => value.clone_into(&mut key),
                "webhook-signature" => value.clone_into(&mut signature),
                "authorization" => value.clone_into(&mut authorization),
                "content-length" => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        received.lock().expect("nobody panics with the mails in hand").push(Mail {
            method: method.to_owned(),
            path: path.to_owned(),
            head,
            key,
            signature,
            authorization,
            body,
        });
        let (manner, changed) = manner;
        let manner = manner.lock().expect("nobody panics while changing it");
        let Manner { status, headers, body, .. } =
            changed.wait_while(manner, |manner| manner.silent).expect("nobody panics while changing it").clone();
        write!(writer, "HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())?;
    }
}
