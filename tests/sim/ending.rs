//! The course of one seed: a storm, then calm. In the calm everybody finds everybody, what is said then arrives exactly
//! once, links stay, and who leaves is left alone.

use std::time::Duration;

use papo::{
    proto::outgoing::PeerQueue,
    wire::{destination::Destination, identity::PeerId},
};
use uuid::Uuid;

use crate::{context::Who, glue::Node, world::World};

/// After the last damage all are linked within this time. Half-open links are noticed after 90 s; who is stale is tried
/// every 5 min; who was refused by a full table, or blocked, a minute later.
const CALM_WITHIN: Duration = Duration::from_secs(660);

/// What is said in the calm arrives within this time.
const SAID_WITHIN: Duration = Duration::from_secs(12);

/// Plays it.
///
/// # Errors
/// What did not hold.
pub fn play(world: &mut World) -> Result<(), String> {
    let end = course(world);
    if end.is_err() {
        world.describe();
    }
    end
}

fn course(world: &mut World) -> Result<(), String> {
    let storm = world.scenario.storm;
    go_on(world, storm)?;
    world.calm();
    find_one_another(world)?;
    say_something(world)?;
    if world.scenario.watch {
        stay_together(world)?;
        part(world)?;
    }
    Ok(())
}

fn go_on(world: &mut World, time: Duration) -> Result<(), String> {
    if world.run_for(time) {
        world.ctx.check_settled();
    }
    match world.ctx.oracle.violation.take() {
        Some(violation) => Err(violation),
        None => Ok(()),
    }
}

fn find_one_another(world: &mut World) -> Result<(), String> {
    let step = Duration::from_secs(1);
    let mut waited = Duration::ZERO;
    while let Some(missing) = missing(world) {
        if waited >= CALM_WITHIN {
            return Err(format!("{waited:?} after the storm {missing}"));
        }
        go_on(world, step)?;
        waited += step;
    }
    nothing_is_forgotten(world)
}

/// All queues are empty: so every SEND has come to its end.
fn nothing_is_forgotten(world: &World) -> Result<(), String> {
    match world.ctx.unsettled() {
        Some(sent) => Err(format!("{sent} is in no queue and has no end")),
        None => Ok(()),
    }
}

/// What is not yet as it should be.
fn missing(world: &World) -> Option<String> {
    if world.is_changing() {
        return Some("somebody comes or goes".into());
    }
    let nodes: Vec<&Node> = world.nodes().collect();
    for node in &nodes {
        if node.registration.facts().registered.is_none() {
            return Some(format!("{} is not registered", node.id));
        }
        let others = nodes
            .iter()
            .map(|other| &other.id)
            .filter(|other| **other != node.id);
        let clients = world.good_clients().map(|client| &client.id);
        for peer in others.chain(clients) {
            if !has_way(world, node, peer) {
                let status = node
                    .table
                    .get(peer)
                    .map(papo::proto::peer_table::Peer::status);
                return Some(format!(
                    "{} has no link to {peer}, which is {status:?}",
                    node.id
                ));
            }
        }
        if let Some((peer, _)) = node.queues.iter().find(|(_, queue)| !queue.is_settled()) {
            return Some(format!("{} still owes something to {peer}", node.id));
        }
    }
    None
}

/// Whether what the node says to the peer arrives there.
fn has_way(world: &World, node: &Node, peer: &PeerId) -> bool {
    let writer = node.queues.get(peer).and_then(PeerQueue::writer);
    let link = writer.and_then(|link| node.links.get(&link));
    node.table.is_linked(peer) && link.is_some_and(|link| world.ctx.net.is_alive(link.conn.0))
}

fn say_something(world: &mut World) -> Result<(), String> {
    let nodes: Vec<(Who, PeerId)> = world
        .nodes()
        .map(|node| (node.who, node.id.clone()))
        .collect();
    let clients: Vec<PeerId> = world
        .good_clients()
        .map(|client| client.id.clone())
        .collect();
    let mut said: Vec<(Who, String, usize)> = Vec::new();
    let mut sent: Vec<Uuid> = Vec::new();
    for (who, _) in &nodes {
        let others = nodes.iter().filter(|(other, _)| other != who);
        for (other, peer) in others.clone() {
            let text = world.text(10);
            sent.extend(send(world, *who, peer, &text)?);
            said.push((*other, text, 1));
        }
        for peer in &clients {
            let text = world.text(10);
            sent.extend(send(world, *who, peer, &text)?);
        }
        for (to, namespace) in [
            (Destination::Everyone, None),
            (Destination::Namespace("Y".into()), Some("Y")),
        ] {
            let text = world.text(10);
            world.with_node(who.host, |node, ctx| node.publish(ctx, to, &text));
            for (other, peer) in others.clone() {
                let hears = namespace.is_none_or(|it| peer.namespace() == it);
                said.push((*other, text.clone(), usize::from(hears)));
            }
        }
    }
    go_on(world, SAID_WITHIN)?;
    for (who, text, expected) in said {
        let times = world.ctx.times_shown(who, &text);
        if times != expected {
            return Err(format!(
                "{who:?} has shown {text:?} {times} times, not {expected}"
            ));
        }
    }
    match sent
        .into_iter()
        .find(|msg_id| !world.ctx.is_delivered(*msg_id))
    {
        Some(msg_id) => Err(format!("{msg_id} was not delivered, though all was well")),
        None => Ok(()),
    }
}

fn send(world: &mut World, who: Who, peer: &PeerId, text: &str) -> Result<Option<Uuid>, String> {
    let sent = world
        .with_node(who.host, |node, ctx| node.send(ctx, peer, text, None))
        .flatten();
    match sent {
        Some(msg_id) => Ok(Some(msg_id)),
        None => Err(format!("{who:?} cannot send to {peer}")),
    }
}

/// Half-open links of the storm end within two minutes; from then on no link does, nobody dials, and on each the PINGs
/// were answered.
fn stay_together(world: &mut World) -> Result<(), String> {
    go_on(world, Duration::from_secs(120))?;
    let links = open_links(world);
    go_on(world, Duration::from_secs(60))?;
    if open_links(world) != links {
        let now = open_links(world);
        return Err(format!("links come and go: {links:?}, then {now:?}"));
    }
    match world.nodes().find_map(Node::link_without_answers) {
        Some((link, peer)) => Err(format!("{peer} answers no PING on {link}")),
        None => Ok(()),
    }
}

/// The links among nodes; with plain clients they may well come and go.
fn open_links(world: &World) -> Vec<(Who, u64)> {
    let ids: Vec<&PeerId> = world.nodes().map(|node| &node.id).collect();
    let of = |node: &Node| -> Vec<(Who, u64)> {
        let links = node.open_links().filter(|(_, peer)| ids.contains(peer));
        links.map(|(link, _)| (node.who, link.0)).collect()
    };
    world.nodes().flat_map(of).collect()
}

/// Who leaves in order is gone for all, at once, and is not called again.
fn part(world: &mut World) -> Result<(), String> {
    let Some((who, id)) = world.nodes().next().map(|node| (node.who, node.id.clone())) else {
        return Ok(());
    };
    world.with_node(who.host, |node, ctx| node.leave(ctx));
    go_on(world, Duration::from_secs(10))?;
    if let Some(node) = world
        .nodes()
        .find(|node| node.who == who || node.table.is_linked(&id))
    {
        return Err(format!("{id} has left, but {} does not see it", node.id));
    }
    let dials = world.ctx.oracle.dials_to(&id);
    go_on(world, Duration::from_secs(90))?;
    match world.ctx.oracle.dials_to(&id) == dials {
        true => Ok(()),
        false => Err(format!("{id} has left, and is called all the same")),
    }
}
