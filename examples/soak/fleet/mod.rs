//! All processes: a rendezvous server and the nodes, killed and started again under their names.

mod measuring;

use std::{
    io::BufRead,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    NAMES,
    board::{Board, State},
    ledger::Life,
    load,
    process::{Place, Process},
};

/// Longest wait for a start, an answer, an end.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// All processes.
pub struct Fleet {
    program: PathBuf,
    home: TempDir,
    rendezvous: Process,
    rendezvous_address: String,
    nodes: Vec<Node>,
    loading: bool,
    /// What all threads look at.
    pub board: Arc<Board>,
    /// How often a node was killed.
    pub kills: usize,
    /// How long restarted nodes took until they and all others were linked again.
    pub returns: Vec<Duration>,
}

/// A node: the processes of one name, one after another.
#[derive(Default)]
struct Node {
    /// The port of its first start; it is the same ever after.
    port: Option<String>,
    running: Option<Running>,
    /// Since when it has been back without being linked with all others.
    returning: Option<Instant>,
}

struct Running {
    life: Life,
    process: Process,
    stop: Arc<AtomicBool>,
    load: Option<JoinHandle<()>>,
}

/// The peer id of a node.
pub fn id(name: &str) -> String {
    format!("{name}@soak")
}

impl Fleet {
    /// Starts the rendezvous server and the nodes.
    pub fn start(program: PathBuf) -> Result<Self, String> {
        let home = tempfile::Builder::new().prefix("papo-soak-").tempdir();
        let home = home.map_err(|error| error.to_string())?;
        let place = Place {
            program: &program,
            home: home.path(),
        };
        let arguments = [
            "rendezvous",
            "--listen",
            "127.0.0.1",
            "--port",
            "0",
            "--log",
            "warn",
        ];
        let (rendezvous, mut output) = Process::start(&place, &arguments)?;
        let mut first = String::new();
        output
            .read_line(&mut first)
            .map_err(|error| error.to_string())?;
        let address = first.trim().rsplit(' ').next().unwrap_or_default();
        let mut fleet = Self {
            rendezvous_address: address.into(),
            rendezvous,
            nodes: NAMES.map(|_| Node::default()).into(),
            loading: false,
            board: Arc::default(),
            kills: 0,
            returns: Vec::new(),
            program,
            home,
        };
        // Nothing else of it is read.
        thread::spawn(move || output.lines().for_each(drop));
        (0..NAMES.len()).try_for_each(|node| fleet.start_node(node))?;
        Ok(fleet)
    }

    /// Starts a killed node again.
    pub fn start_again(&mut self, node: usize) -> Result<(), String> {
        self.start_node(node)?;
        self.nodes[node].returning = Some(Instant::now());
        if self.loading {
            self.load(node);
        }
        Ok(())
    }

    /// Ends a node as kill -9 does.
    pub fn kill(&mut self, node: usize) -> Result<(), String> {
        let Some(mut running) = self.nodes[node].running.take() else {
            return Err(format!("{} is not running", NAMES[node]));
        };
        if let Some(code) = running.process.exit_code() {
            return Err(format!("{} ended by itself with {code}", NAMES[node]));
        }
        let mut state = self.board.state();
        state.ledger.killed(running.life, Instant::now());
        drop(state);
        running.process.kill();
        self.nodes[node].returning = None;
        self.kills += 1;
        Ok(())
    }

    /// Puts all nodes under load, and those that come later.
    pub fn load_all(&mut self) {
        self.loading = true;
        (0..NAMES.len()).for_each(|node| self.load(node));
    }

    /// Ends the load.
    pub fn stop_load(&mut self) -> Result<(), String> {
        self.loading = false;
        let running = self.nodes.iter_mut().filter_map(|it| it.running.as_mut());
        let loads: Vec<_> = running
            .filter_map(|it| {
                it.stop.store(true, Ordering::Relaxed);
                it.load.take()
            })
            .collect();
        let end = Instant::now() + ANSWER_MAX;
        while loads.iter().any(|load| !load.is_finished()) {
            if Instant::now() > end {
                return Err("a node does not read its input".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until each node is linked with all others.
    pub fn wait_until_linked(&self, limit: Duration) -> Result<(), String> {
        let lives = self.lives();
        let all = |state: &mut State| {
            let is_linked = |life| links(state, life) == NAMES.len() - 1;
            lives.iter().all(|(_, life)| is_linked(*life)).then_some(())
        };
        let found = self.board.wait(limit, all);
        found.ok_or_else(|| format!("not all are linked after {limit:?}: {}", self.progress()))
    }

    /// Waits until all texts of living nodes have a last state, and were shown.
    pub fn wait_until_quiet(&self, limit: Duration) {
        // What is still open then, the verdict finds.
        self.board
            .wait(limit, |state| (state.ledger.open() == 0).then_some(()));
        thread::sleep(Duration::from_secs(1));
    }

    /// Notes who has come back; to be called often.
    pub fn note_returns(&mut self) {
        let lives = self.lives();
        let state = self.board.state();
        for node in &mut self.nodes {
            let Some((running, since)) = node.running.as_ref().zip(node.returning) else {
                continue;
            };
            if links(&state, running.life) + 1 == lives.len() {
                self.returns.push(since.elapsed());
                node.returning = None;
            }
        }
    }

    /// Lets all nodes leave; what went wrong with that.
    pub fn leave(&mut self) -> Vec<String> {
        let mut troubles = Vec::new();
        for (name, node) in NAMES.iter().zip(&mut self.nodes) {
            let Some(running) = &mut node.running else {
                continue;
            };
            running.process.tell("/quit");
            let end = Instant::now() + ANSWER_MAX;
            while running.process.exit_code().is_none() && Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
            }
            match running.process.exit_code() {
                Some(0) => {}
                Some(code) => troubles.push(format!("{name} left with exit code {code}")),
                None => troubles.push(format!("{name} did not leave")),
            }
        }
        troubles
    }

    /// The folder with the logs, which is not removed then.
    pub fn keep(self) -> PathBuf {
        self.home.keep()
    }

    fn start_node(&mut self, node: usize) -> Result<(), String> {
        let port = self.nodes[node].port.clone().unwrap_or("0".into());
        let arguments = [
            "--name",
            NAMES[node],
            "--namespace",
            "soak",
            "--json",
            "--listen",
            "127.0.0.1",
            "--port",
            &port,
            "--rendezvous",
            &self.rendezvous_address,
            "--log",
            "warn",
        ];
        let place = Place {
            program: &self.program,
            home: self.home.path(),
        };
        let life = self.board.state().ledger.born(node);
        let process = Process::node(&place, &arguments, Arc::clone(&self.board), life)?;
        let stop = Arc::default();
        self.nodes[node].running = Some(Running {
            life,
            process,
            stop,
            load: None,
        });
        let ready = self
            .board
            .wait(ANSWER_MAX, |state| state.ready.remove(&life));
        let ready = ready.ok_or_else(|| format!("{} did not start", NAMES[node]))?;
        let address = ready["listen"][0].as_str().unwrap_or_default();
        self.nodes[node].port = address.rsplit(':').next().map(str::to_owned);
        Ok(())
    }

    fn load(&mut self, node: usize) {
        if let Some(running) = &mut self.nodes[node].running {
            let (board, stop) = (Arc::clone(&self.board), Arc::clone(&running.stop));
            let input = running.process.input();
            running.load = Some(load::start(board, node, running.life, input, stop));
        }
    }

    fn lives(&self) -> Vec<(usize, Life)> {
        let running = self.nodes.iter().enumerate();
        running
            .filter_map(|(node, it)| Some((node, it.running.as_ref()?.life)))
            .collect()
    }
}

fn links(state: &State, life: Life) -> usize {
    state.linked.get(&life).map_or(0, |it| it.len())
}
