//! Lists that look through records: searches, and whatever filters what it reads. They run one after another on a
//! thread of their own, at a lower priority than everything else, so that thirty people searching do not keep leads
//! from coming in. Few may wait; the others are told when to ask again.

use crate::http::limits::Limits;
use crate::http::problem::{Kind, Problem};
use std::future::Future;
use std::io;
use std::pin::Pin;
use tokio::sync::{mpsc, oneshot};

/// How far the thread gives way to others, on a scale up to 19.
const NICENESS: i32 = 10;

type Scan = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The queue of scans.
pub(crate) struct Scans {
    waiting: mpsc::Sender<Scan>,
}

impl Scans {
    /// Starts the thread; it ends with the last handle.
    pub(crate) fn start(limits: &Limits) -> io::Result<Self> {
        let (waiting, mut scans) = mpsc::channel::<Scan>(limits.scans_waiting_max);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        std::thread::Builder::new().name("cadenza-scans".to_owned()).spawn(move || {
            // On Linux this affects only this thread. If it fails, scans are as urgent as everything
            // else, which does no harm.
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
            runtime.block_on(async {
                while let Some(scan) = scans.recv().await {
                    // If a scan panics, its list is not answered; other lists still are.
                    let _ = tokio::spawn(scan).await;
                }
            });
        })?;
        Ok(Self { waiting })
    }

    /// Runs a scan when its turn comes. A scan that nobody is waiting for any more is stopped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        scan: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let (mut reply, answer) = oneshot::channel();
        let scan: Scan = Box::pin(async move {
            if reply.is_closed() {
                return;
            }
            tokio::select! {
                biased;
                () = reply.closed() => {}
                found = scan => {
                    let _ = reply.send(found);
                }
            }
        });
        self.waiting.try_send(scan).map_err(|_| {
            let detail =
                "other lists are being searched, and enough wait: ask again in two seconds, or for a single lead";
            Problem::new(Kind::Crowded, detail).retry_after_s(2)
        })?;
        answer.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "the list could not be read to its end")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_scan_runs_a_few_wait_and_the_rest_is_told_when_to_ask_again() {
        let limits = Limits { scans_waiting_max: 2, ..Limits::default() };
        let scans = std::sync::Arc::new(Scans::start(&limits).unwrap());
        let (go, wait) = oneshot::channel::<()>();
        let (began, runs) = oneshot::channel();
        let first = std::sync::Arc::clone(&scans);
        let running = tokio::spawn(async move {
            let scan = async move {
                let _ = began.send(());
                let _ = wait.await;
                Ok(1)
            };
            first.run(scan).await
        });
        runs.await.unwrap();
        let mut waiting: Vec<_> = (2..=3).map(|number| Box::pin(scans.run(async move { Ok(number) }))).collect();
        for scan in &mut waiting {
            assert!(scan.as_mut().now_or_never().is_none(), "it waits for its turn");
        }
        let refused = scans.run(async { Ok(4) }).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Crowded);
        go.send(()).unwrap();
        assert_eq!(running.await.unwrap().unwrap(), 1);
        for (scan, number) in waiting.into_iter().zip(2..) {
            assert_eq!(scan.await.unwrap(), number);
        }
        assert_eq!(scans.run(async { Ok(5) }).await.unwrap(), 5, "and then there is room again");
    }
}
