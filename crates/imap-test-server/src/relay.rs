//! One connection: what the client and the server say passes through here, and the faults happen here.

mod outgoing;
mod session;

use crate::world::World;
use outgoing::{Outgoing, Sent};
use session::Session;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;

/// Octets that are read at once.
const CHUNK: usize = 16 << 10;

/// Octets that wait for the server or for the client before nothing more is read from the other.
const WAITING: usize = 256 << 10;

/// A connection with a client.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How the work on a stream ends.
enum End {
    Closed,
    StartTls(Box<dyn Stream>),
}

/// Serves one client to its end, or until all are cut off. Whoever calls this is served from then on, before it is first polled.
pub(crate) fn serve(world: Arc<World>, client: impl Stream + 'static) -> impl Future<Output = ()> + Send {
    let (mut cut, bye) = (world.end.cut.subscribe(), world.end.bye.subscribe());
    async move {
        tokio::select! {
            () = serve_to_its_end(world, client, bye) => {}
            _ = cut.changed() => {}
        }
    }
}

async fn serve_to_its_end(
    world: Arc<World>,
    client: impl Stream + 'static,
    mut bye: watch::Receiver<String>,
) {
    let number = world.next_connection();
    let mut client: Box<dyn Stream> = Box::new(client);
    let mut session = Session::new(Arc::clone(&world), number);
    if world.implicit_tls {
        match world.accept_tls(client).await {
            Some(stream) => client = stream,
            None => return,
        }
        session.secured();
    }
    loop {
        let server = Box::new(world.serve(session.is_secured()));
        match pass(&mut session, client, server, &mut bye).await {
            End::Closed => return,
            End::StartTls(stream) => match world.accept_tls(stream).await {
                Some(stream) => client = stream,
                None => return,
            },
        }
        session.starts_anew();
    }
}

/// Passes on what both say, until one of them ends.
async fn pass(
    session: &mut Session,
    client: Box<dyn Stream>,
    server: Box<dyn Stream>,
    bye: &mut watch::Receiver<String>,
) -> End {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let mut outgoing = Outgoing::new(Arc::clone(&session.world), session.number);
    let (mut client_ended, mut server_told, mut server_ended) = (false, false, false);
    let (mut said, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        outgoing.extend(session.take_outgoing());
        if server_ended && outgoing.is_empty() || client_ended && outgoing.is_hung() {
            let _ = to_client.shutdown().await;
            return End::Closed;
        }
        if client_ended && !server_told && session.to_server.is_empty() {
            server_told = true;
            let _ = to_server.shutdown().await;
        }
        let listens = !client_ended && session.reads() && session.to_server.len() < WAITING;
        tokio::select! {
            read = from_client.read(&mut said), if listens => match read {
                Ok(0) | Err(_) => client_ended = true,
                Ok(count) => session.client_said(&said[..count]),
            },
            read = from_server.read(&mut answered), if !server_ended && outgoing.len() < WAITING => match read {
                Ok(0) | Err(_) => server_ended = true,
                Ok(count) => session.server_said(&answered[..count]),
            },
            written = to_server.write_buf(&mut session.to_server), if !session.to_server.is_empty() => {
                if written.is_err() {
                    session.to_server.clear();
                }
            },
            Ok(()) = bye.changed() => session.say_bye(&bye.borrow_and_update()),
            sent = outgoing.send(&mut to_client), if !outgoing.is_empty() => match sent {
                Ok(Sent::Some) => {}
                Ok(Sent::StartTls) => return start_tls(from_client, to_client),
                Ok(Sent::Close) | Err(_) => {
                    let _ = to_client.shutdown().await;
                    return End::Closed;
                }
            },
        }
    }
}

fn start_tls(from_client: ReadHalf<Box<dyn Stream>>, to_client: WriteHalf<Box<dyn Stream>>) -> End {
    End::StartTls(from_client.unsplit(to_client))
}
