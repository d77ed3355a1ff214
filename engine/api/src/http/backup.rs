//! A backup over the API: everything as it is at the moment of the request, as one file, while
//! the engine keeps running.

use crate::http::auth::{Administer, Caller};
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use cadenza_runtime::backup::BackupError;
use cadenza_store::StoreError;
use std::io::{self, BufWriter, Write};
use tokio::sync::mpsc;

/// Bytes sent at a time, and how many such chunks may wait for a slow reader.
const CHUNK_BYTES: usize = 256 * 1024;
const CHUNKS_WAITING_MAX: usize = 4;
/// How far the reading thread gives way to others, on a scale up to 19.
const NICENESS: i32 = 10;

/// `POST /v1/backup`: the file has an end mark, without which it is not complete. A failure in the
/// middle breaks the connection.
pub(crate) async fn take(_: Caller<Administer>, State(api): State<Shared>) -> Result<Response, Problem> {
    let backup = api.engine.backup().await.map_err(|error| match error {
        BackupError::Store(StoreError::SnapshotUnderWay) => Problem::new(
            Kind::BackupUnderWay,
            "another backup is being written: one at a time, ask again when it is done",
        ),
        BackupError::Store(error @ StoreError::SnapshotWithoutRoom { .. }) => {
            Problem::new(Kind::NoSpace, error.to_string())
        }
        BackupError::Store(error) => cadenza_runtime::engine::Refused::from(error).into(),
        other => Problem::new(Kind::Internal, other.to_string()),
    })?;
    let at = backup.at();
    let (chunks, taken) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_WAITING_MAX);
    let write = move || {
        // On Linux this affects only this thread. If it fails, the backup is as urgent as everything
        // else, which does no harm.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        match backup.write(BufWriter::with_capacity(CHUNK_BYTES, Chunks(chunks.clone()))) {
            Ok(totals) => tracing::info!(
                records = totals.records,
                components = totals.components,
                bytes = totals.bytes,
                "a backup was written"
            ),
            Err(error) => {
                tracing::error!(%error, "a backup broke off");
                let _ = chunks.blocking_send(Err(io::Error::other(error)));
            }
        }
    };
    std::thread::Builder::new()
        .name("cadenza-backup".to_owned())
        .spawn(write)
        .map_err(|error| Problem::new(Kind::Internal, format!("no thread can be started for the backup: {error}")))?;
    let body = futures_util::stream::unfold(taken, async |mut taken| Some((taken.recv().await?, taken)));
    let name = at.to_string().replace(':', "");
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"cadenza-{name}.backup\"")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Passes what is written to whoever reads the response.
struct Chunks(mpsc::Sender<io::Result<Bytes>>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes it any more"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
