//! Mirrors `src/actors/link_out.rs`: the way out of one connection.

use super::*;

impl Node {
    /// Queues answers; false if the peer does not read what it causes.
    pub(super) fn reply(&mut self, ctx: &mut Context, id: LinkId, lines: Vec<u8>) -> bool {
        let Some(link) = self.links.get_mut(&id).filter(|_| !lines.is_empty()) else {
            return true;
        };
        link.reply_bytes += lines.len();
        if link.is_stream() {
            link.replies.push_back(lines);
        } else {
            let each = lines.split_inclusive(|byte| *byte == b'\n');
            link.replies.extend(each.map(<[u8]>::to_vec));
        }
        let too_many = link.is_stream() && link.replies.len() > self.limits.queue.lines_max;
        let fits = !too_many && link.reply_bytes <= self.limits.queue.bytes_max;
        self.write_on(ctx, id);
        fits
    }

    /// The writer: writes until it has to wait.
    pub fn write_on(&mut self, ctx: &mut Context, id: LinkId) {
        while let Some(link) = self
            .links
            .get_mut(&id)
            .filter(|it| it.connected && !it.finished)
        {
            if let Some((batch, stalls_at)) = &mut link.writing {
                let rest = &batch.bytes[batch.done..];
                let count = ctx.write(link.conn.0, link.conn.1, rest);
                batch.done += count;
                if count > 0 {
                    *stalls_at = ctx.now + WRITE_STALL_MAX;
                }
                if batch.done < batch.bytes.len() {
                    let at = *stalls_at;
                    return self.wait_to_write(ctx, id, at);
                }
                self.written(ctx, id);
                continue;
            }
            match self.next(ctx.now, id) {
                Next::Write(batch) => self.begin_to_write(ctx, id, batch),
                Next::At(at) => return ctx.at(at, Event::Node(self.who, Wake::Write(id))),
                Next::Wait => return,
                Next::Finish => return self.finish(ctx, id),
            }
        }
    }

    pub(super) fn begin_to_write(&mut self, ctx: &mut Context, id: LinkId, batch: Batch) {
        let who = self.who;
        if let Some(link) = self.links.get_mut(&id) {
            let gap = (!link.is_stream()).then_some(self.limits.gap);
            ctx.note_written(who, id, link.direction, gap, &batch.bytes);
            link.writing = Some((batch, ctx.now + WRITE_STALL_MAX));
        }
    }

    pub(super) fn wait_to_write(&mut self, ctx: &mut Context, id: LinkId, stalls_at: Instant) {
        if ctx.now < stalls_at {
            return ctx.at(stalls_at, Event::Node(self.who, Wake::Write(id)));
        }
        self.close(ctx, id, CloseReason::Overloaded);
    }

    pub(super) fn written(&mut self, ctx: &mut Context, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.last_write = Some(ctx.now);
        let batch = link.writing.take();
        if let (Some((batch, _)), Some((peer, kind))) = (batch, &link.open)
            && let Some(queue) = self.queues.get_mut(peer)
        {
            for msg_id in &batch.messages {
                ctx.note_sent(self.who, peer, *msg_id, kind.stream);
            }
            if batch.has_own {
                queue.written(ctx.now, id, *kind);
            }
        }
    }

    pub(super) fn finish(&mut self, ctx: &mut Context, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.finished = true;
            ctx.shut_down(link.conn.0, link.conn.1);
            self.session(ctx, id, |session, _, out| session.finished_writing(out));
        }
    }

    pub(super) fn next(&mut self, now: Instant, id: LinkId) -> Next {
        let gap = self.limits.gap;
        let Some(link) = self.links.get_mut(&id) else {
            return Next::Wait;
        };
        if link.finish && link.replies.is_empty() {
            return Next::Finish;
        }
        let own = link.open.clone().filter(|_| !link.hold && !link.finish);
        let queue = own.and_then(|(peer, _)| self.queues.get_mut(&peer));
        if link.is_stream() {
            return link.next_of_stream(id, queue);
        }
        match link.last_write {
            Some(at) if now < at + gap => Next::At(at + gap),
            _ => link.next_line(now, id, queue),
        }
    }
}

impl Link {
    pub(super) fn is_stream(&self) -> bool {
        self.open.as_ref().is_some_and(|(_, kind)| kind.stream)
    }

    fn next_line(&mut self, now: Instant, id: LinkId, queue: Option<&mut PeerQueue>) -> Next {
        if let Some(bytes) = self.pop_reply() {
            return Next::Write(Batch {
                bytes,
                ..Batch::default()
            });
        }
        let Some(queue) = queue else {
            return Next::Wait;
        };
        if let Some(until) = self.quiet_until.filter(|until| now < *until) {
            return Next::At(until);
        }
        match queue.take(id, false) {
            Some(line) => Next::Write(Batch {
                messages: ids_of(&line),
                bytes: line.to_vec(),
                done: 0,
                has_own: true,
            }),
            None => Next::Wait,
        }
    }

    fn next_of_stream(&mut self, id: LinkId, queue: Option<&mut PeerQueue>) -> Next {
        let (mut bytes, mut messages, mut has_own) = (Vec::new(), Vec::new(), false);
        while bytes.len() < BATCH_BYTES_MAX
            && let Some(reply) = self.pop_reply()
        {
            bytes.extend(reply);
        }
        if let Some(queue) = queue {
            while bytes.len() < BATCH_BYTES_MAX
                && let Some(lines) = queue.take(id, true)
            {
                bytes.extend_from_slice(&lines);
                messages.extend(ids_of(&lines));
                has_own = true;
            }
        }
        match bytes.is_empty() {
            true => Next::Wait,
            false => Next::Write(Batch {
                bytes,
                done: 0,
                messages,
                has_own,
            }),
        }
    }

    fn pop_reply(&mut self) -> Option<Vec<u8>> {
        let reply = self.replies.pop_front()?;
        self.reply_bytes -= reply.len();
        Some(reply)
    }
}

/// The ids of the messages in these lines, for the oracle.
fn ids_of(lines: &[u8]) -> Vec<Uuid> {
    let lines = str::from_utf8(lines).unwrap_or_default().lines();
    let id = |line| match Line::parse(line) {
        Ok(Line::Send { msg_id, .. } | Line::Pub { msg_id, .. }) => Uuid::try_parse(&msg_id).ok(),
        _ => None,
    };
    lines.filter_map(id).collect()
}
