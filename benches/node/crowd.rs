//! Many links of the load generator on one thread.

use std::{
    cell::{Cell, RefCell},
    io,
    net::Ipv4Addr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpStream,
    runtime::Runtime,
    task::{JoinSet, LocalSet},
};

use crate::{
    lines::{self, Count},
    link::READ_BYTES,
    nats,
};

/// A runtime for a crowd.
pub fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// What is spoken.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// Of the node and its twin.
    Papo,
    /// Of the NATS server.
    Nats,
}

impl Wire {
    /// The letter by which a publication is counted.
    fn publication(self) -> u8 {
        match self {
            Self::Papo => lines::PUB,
            Self::Nats => nats::MESSAGE,
        }
    }
}

/// Links that are open; those that end are counted.
pub struct Crowd {
    tasks: LocalSet,
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    publications: Cell<usize>,
    lost: Cell<usize>,
}

impl Crowd {
    /// Opens so many links, all at once; how long it took until all had their HELLO_OK. From then on PINGs are
    /// answered and publications counted.
    pub async fn open(port: u16, links: usize, wire: Wire) -> io::Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut opening = JoinSet::new();
        let local = LocalSet::new();
        for number in 0..links {
            opening.spawn_local_on(open(port, number, wire), &local);
        }
        let mut open = Vec::with_capacity(links);
        local
            .run_until(async {
                while let Some(link) = opening.join_next().await {
                    open.push(link??);
                }
                io::Result::Ok(())
            })
            .await?;
        let took = begun.elapsed();
        let shared = Rc::new(Shared::default());
        for link in open {
            let shared = Rc::clone(&shared);
            local.spawn_local(async move {
                // However it ended.
                drop(listen(&link, &shared, wire.publication()).await);
                shared.lost.set(shared.lost.get() + 1);
            });
        }
        let tasks = local;
        Ok((Self { tasks, shared }, took))
    }

    /// How many publications have come, over all links.
    pub fn publications(&self) -> usize {
        self.shared.publications.get()
    }

    /// How many links have ended.
    pub fn lost(&self) -> usize {
        self.shared.lost.get()
    }

    /// Lets the links do their work meanwhile.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.run_until(work).await
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

async fn open(port: u16, number: usize, wire: Wire) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let hello = match wire {
        Wire::Papo => lines::hello(&format!("crowd-{number}@bench")),
        Wire::Nats => nats::subscribe("fan"),
    };
    // The first write of a link finds room for a line.
    stream.try_write(hello.as_bytes())?;
    let mut count = Count::default();
    let mut is_open = |chunk: &[u8]| match wire {
        Wire::Papo => count.feed(chunk, lines::HELLO_OK) > 0,
        Wire::Nats => nats::is_pong(chunk),
    };
    while !read(&stream, &mut is_open).await? {}
    Ok(stream)
}

async fn listen(stream: &TcpStream, shared: &Shared, publication: u8) -> io::Result<()> {
    let mut count = Count::default();
    loop {
        let answer = read(stream, |chunk| {
            let publications = count.feed(chunk, publication);
            shared
                .publications
                .set(shared.publications.get() + publications);
            // A PING comes alone, or the round it disturbs would not be measured.
            ping_id(chunk).map(lines::pong)
        });
        if let Some(pong) = answer.await? {
            stream.try_write(pong.as_bytes())?;
        }
    }
}

fn ping_id(chunk: &[u8]) -> Option<&str> {
    let behind = chunk.strip_prefix(b"{\"type\":\"PING\",\"msg_id\":\"")?;
    std::str::from_utf8(behind.get(..36)?).ok()
}

/// Waits for bytes and looks at them; an error at the end of the stream.
async fn read<T>(stream: &TcpStream, mut look: impl FnMut(&[u8]) -> T) -> io::Result<T> {
    loop {
        stream.readable().await?;
        let looked: io::Result<T> =
            SCRATCH.with_borrow_mut(|scratch| match stream.try_read(scratch)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(look(&scratch[..count])),
            });
        match looked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return looked,
        }
    }
}
