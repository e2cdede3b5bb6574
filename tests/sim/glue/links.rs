//! Mirrors `src/actors/links.rs`: who is let in, dialled and sent away.

use super::*;

impl Node {
    /// Somebody connected; none if there is no place.
    pub fn accept(&mut self, ctx: &mut Context, conn: ConnId, from: SocketAddr) -> Option<LinkId> {
        let link = self.next_id();
        if self.closing || !self.admission.accept(link, from) {
            return None;
        }
        self.add_link(ctx, link, (conn, 1), from, None);
        self.run(ctx, link);
        Some(link)
    }

    /// Dials, unless the node is leaving.
    pub(super) fn dial(&mut self, ctx: &mut Context, target: Target) {
        if self.closing {
            return;
        }
        ctx.note_dial(self.who, &target);
        let link = self.next_id();
        let conn = ctx.connect(self.who, link, self.address, target.address);
        self.add_link(ctx, link, (conn, 0), target.address, Some(target));
        let no_answer = Event::Node(self.who, Wake::NoAnswer(link));
        ctx.after(self.limits.handshake_timeout, no_answer);
    }

    /// The answer to a dial.
    pub fn dialled(&mut self, ctx: &mut Context, link: LinkId, connected: bool) {
        match self.links.get_mut(&link) {
            Some(it) if connected => {
                it.connected = true;
                self.run(ctx, link);
            }
            Some(_) => {
                let refused = CloseReason::Unreachable("connection refused".into());
                self.end(ctx, link, refused);
            }
            None => {}
        }
    }

    /// Says BYE on all links, and to those who have our HELLO; takes no more, and takes the registration back.
    pub fn leave(&mut self, ctx: &mut Context) {
        self.closing = true;
        let is_ours = |link: &Link| link.open.is_some() || link.direction == Direction::Outbound;
        let links = self.links.iter().filter(|(_, link)| is_ours(link));
        for link in links.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.leave_link(ctx, link, CloseReason::WeLeft);
        }
        self.feed(ctx, Input::Leave);
    }

    /// Whether it says BYE to all.
    pub fn is_leaving(&self) -> bool {
        self.closing
    }

    /// The actor of a link panics.
    pub fn panic(&mut self, ctx: &mut Context, link: LinkId) {
        self.end(ctx, link, CloseReason::Panicked("on purpose".into()));
    }

    /// The open links and their peers.
    pub fn open_links(&self) -> impl Iterator<Item = (LinkId, &PeerId)> {
        self.links
            .iter()
            .filter_map(|(link, it)| Some((*link, &it.open.as_ref()?.0)))
    }

    fn next_id(&mut self) -> LinkId {
        self.last_link += 1;
        LinkId(self.last_link)
    }

    fn add_link(
        &mut self,
        ctx: &mut Context,
        id: LinkId,
        conn: (ConnId, Side),
        address: SocketAddr,
        target: Option<Target>,
    ) {
        let direction = [Direction::Inbound, Direction::Outbound][usize::from(target.is_some())];
        let dialled = target.as_ref().and_then(|target| target.peer.clone());
        let timeout = self.limits.handshake_timeout;
        let link = Link {
            conn,
            open: None,
            opened: ctx.now,
            direction,
            address,
            target,
            connected: direction == Direction::Inbound,
            session: Session::new(self.id.clone(), direction, dialled, timeout, ctx.now),
            lines: LineBuffer::default(),
            keep_alive: None,
            replies: VecDeque::new(),
            reply_bytes: 0,
            quiet_until: None,
            hold: false,
            finish: false,
            finished: false,
            last_write: None,
            writing: None,
        };
        self.links.insert(id, link);
    }

    /// A link is about to open: an error if it may not stay.
    pub(super) fn admit(
        &mut self,
        ctx: &mut Context,
        link: LinkId,
        peer: &PeerId,
    ) -> Result<(), CloseReason> {
        if self.closing {
            return Err(CloseReason::WeLeft);
        }
        match self.admission.identified(link, peer) {
            Verdict::Keep => Ok(()),
            Verdict::Refuse => Err(CloseReason::Displaced),
            Verdict::Displace(other) => {
                self.leave_link(ctx, other, CloseReason::Displaced);
                Ok(())
            }
        }
    }

    fn leave_link(&mut self, ctx: &mut Context, link: LinkId, reason: CloseReason) {
        let msg_id = Uuid::from_u128(ctx.rng.u128(..));
        self.session(ctx, link, |session, at, out| {
            session.leave(at.now, reason, msg_id, out)
        });
    }
}
