//! What the doctor looks at on this machine: the data folder, the port, the ways into the network.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use nix::{sys::statvfs::statvfs, unistd::Uid};

use super::finding::Finding;
use crate::{
    paths::{Places, create_private},
    settings::{Listen, Port, Settings},
};

/// With less a node may soon have no room for what it keeps.
const FREE_BYTES_MIN: u64 = 100 * 1024 * 1024;

/// Whether the data folder can be written, has room, and is closed to others.
pub(super) fn data_folder(places: &Places) -> Finding {
    const CHECK: &str = "data folder";
    let advice = "choose another folder with --data-dir; a node without one keeps nothing";
    let folder = match places.data_dir() {
        Ok(folder) => folder,
        Err(error) => return Finding::wrong(CHECK, error.to_string(), advice),
    };
    if let Err(words) = try_writing(&folder) {
        return Finding::wrong(CHECK, format!("{}: {words}", folder.display()), advice);
    }
    let shown = folder.display();
    let (mode, owner) = match fs::metadata(&folder) {
        Ok(found) => (found.permissions().mode() & 0o777, found.uid()),
        Err(error) => return Finding::wrong(CHECK, format!("{shown}: {error}"), advice),
    };
    if mode & 0o077 != 0 || owner != Uid::effective().as_raw() {
        let words = format!("{shown}: others can look into it (mode {mode:o})");
        return Finding::note(CHECK, words, format!("chmod 700 {shown}"));
    }
    let free = free_bytes(&folder);
    let megabytes = free.map_or("unknown".into(), |free| (free / 1_000_000).to_string());
    let words = format!("{shown}: can be written, {megabytes} MB free");
    match free {
        Some(free) if free < FREE_BYTES_MIN => {
            Finding::note(CHECK, words, "make room, or choose another --data-dir")
        }
        _ => Finding::well(CHECK, words),
    }
}

fn try_writing(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        create_private(folder).map_err(|error| error.to_string())?;
    }
    let file = folder.join(format!(".doctor-{}", std::process::id()));
    let written = fs::write(&file, b"papo").map_err(|error| error.to_string());
    let removed = fs::remove_file(&file).map_err(|error| error.to_string());
    written.and(removed)
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let system = statvfs(folder).ok()?;
    // The types of these differ between systems.
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        reason = "u32 on some systems"
    )]
    Some(system.blocks_available() as u64 * system.fragment_size() as u64)
}

/// Whether the port can be had, and who has it if not.
pub(super) fn port(settings: &Settings) -> Finding {
    const CHECK: &str = "port";
    let ip = match settings.node.listen {
        Listen::Address(ip) => ip,
        Listen::Auto | Listen::All => Ipv4Addr::UNSPECIFIED.into(),
    };
    let free = |port| TcpListener::bind((ip, port)).map(drop);
    let wanted = match settings.node.port {
        Port::Any => return Finding::well(CHECK, "any free one is taken"),
        Port::Auto => {
            return match (4000..=4999).find(|port| free(*port).is_ok()) {
                Some(port) => Finding::well(CHECK, format!("{port} is free")),
                None => Finding::wrong(
                    CHECK,
                    "none from 4000 to 4999 is free",
                    "choose one with --port",
                ),
            };
        }
        Port::Exactly(port) => port,
    };
    match free(wanted) {
        Ok(()) => Finding::well(CHECK, format!("{wanted} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let by = listener_of(wanted).unwrap_or_else(|| "another program".into());
            let words = format!("{wanted} is in use by {by}");
            Finding::wrong(CHECK, words, "choose another --port, or 0 for any")
        }
        Err(error) => {
            let advice = "ports below 1024 need rights; --listen takes an address of this machine";
            Finding::wrong(CHECK, format!("{ip} port {wanted}: {error}"), advice)
        }
    }
}

/// The program that listens on a port, as far as the system tells (Linux).
fn listener_of(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text: String = tables
        .iter()
        .filter_map(|it| fs::read_to_string(it).ok())
        .collect();
    let socket = format!("socket:[{}]", listening_inode(&text, port)?);
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let owns = |process: &fs::DirEntry| {
        let files = fs::read_dir(process.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.any(|target| target.as_os_str() == socket.as_str())
    };
    let process = processes.into_iter().find(owns)?;
    let name = fs::read_to_string(process.path().join("comm")).ok()?;
    Some(format!(
        "{} (pid {})",
        name.trim(),
        process.file_name().to_string_lossy()
    ))
}

/// The number of the socket that listens on this port, from the table of the system.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    const LISTENING: &str = "0A";
    let end = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&end) && *fields.get(3)? == LISTENING;
        fields.get(9).copied().filter(|_| is_it)
    })
}

/// Which ways there are into the network.
pub(super) fn network() -> Finding {
    const CHECK: &str = "network";
    // Addresses of documentation (RFC 5737, RFC 3849): connecting a datagram socket only chooses a route.
    let v4 = own_ip(Ipv4Addr::UNSPECIFIED.into(), ([192, 0, 2, 1], 9).into());
    let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let v6 = own_ip(Ipv6Addr::UNSPECIFIED.into(), (far, 9).into());
    let shown = |ip: Option<IpAddr>| ip.map_or("none".into(), |ip| ip.to_string());
    let words = format!("IPv4 {}, IPv6 {}", shown(v4), shown(v6));
    match v4.or(v6) {
        Some(_) => Finding::well(CHECK, words),
        None => Finding::note(
            CHECK,
            words,
            "only nodes of this machine can be reached: look after the network",
        ),
    }
}

fn own_ip(any: IpAddr, far: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_is_found_in_the_table_and_a_connected_one_is_not() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:0FA0 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 111 1\n\
             1: 00000000:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 222 1\n";
        assert_eq!(listening_inode(table, 4000), Some("222"));
        assert_eq!(listening_inode(table, 8080), None);
        assert_eq!(listening_inode("garbage\n1 2", 4000), None);
    }

    #[test]
    fn a_data_folder_that_cannot_be_used_is_wrong_and_one_that_is_open_is_noted() {
        let home = tempfile::tempdir().unwrap();
        let places = |path: &Path| Places::from_environment().with_data_dir(Some(path));
        let good = home.path().join("good");
        assert_eq!(
            data_folder(&places(&good))
                .advice
                .filter(|it| it.contains("chmod")),
            None
        );
        assert_eq!(
            fs::read_dir(&good).unwrap().count(),
            0,
            "nothing is left behind"
        );
        fs::set_permissions(&good, fs::Permissions::from_mode(0o755)).unwrap();
        let open = data_folder(&places(&good));
        assert!(open.words.contains("others can look into it"), "{open:?}");
        fs::write(home.path().join("file"), "").unwrap();
        let wrong = data_folder(&places(&home.path().join("file/papo")));
        assert_eq!(
            wrong.state,
            super::super::finding::State::Wrong,
            "{wrong:?}"
        );
    }
}
