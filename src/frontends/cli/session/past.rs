//! Commands about what was said before.

use jiff::Zoned;

use super::{Session, send_error};
use crate::{
    actors::router::{PeerName, Recipients},
    frontends::cli::{
        command::CommandError,
        errors::past_error,
        history_reply::{history, search, why},
        replies::Reply,
    },
    store::rows::{MessageName, Query},
    wire::destination::Destination,
};

/// How many lines of earlier sessions a terminal shows at the start.
const PAST_SHOWN: usize = 10;

impl Session {
    /// The last messages of earlier sessions, before anything new is shown on a terminal; nothing where none are kept.
    pub async fn show_past(&self) {
        let query = Query {
            count: PAST_SHOWN,
            ..Query::default()
        };
        let Ok(rows) = self.node.history(query).await else {
            return;
        };
        let rows = self.without_hidden(rows);
        if rows.is_empty() || self.node.disk().is_none() {
            return;
        }
        let past = history(&rows, self.renderer(), &Zoned::now()).text();
        let end = "  -- until here from before; /history shows more --";
        let end = self.renderer().style.dim(end.to_owned());
        self.output().print(format!("{past}\n{end}")).await;
    }

    /// `/history`
    pub(super) async fn history(
        &self,
        with: Option<Recipients>,
        count: usize,
    ) -> Result<Reply, CommandError> {
        let query = Query {
            with: self.talk(with).await?,
            count,
            ..Query::default()
        };
        let rows = self.node.history(query).await.map_err(past_error)?;
        let rows = self.without_hidden(rows);
        Ok(history(&rows, self.renderer(), &Zoned::now()))
    }

    /// `/search`
    pub(super) async fn search(
        &self,
        with: Option<Recipients>,
        words: String,
        count: usize,
    ) -> Result<Reply, CommandError> {
        let query = Query {
            with: self.talk(with).await?,
            words: Some(words),
            count,
            ..Query::default()
        };
        let rows = self.node.history(query).await.map_err(past_error)?;
        let rows = self.without_hidden(rows);
        Ok(search(&rows, self.renderer(), &Zoned::now()))
    }

    /// `/why`
    pub(super) async fn why(&self, name: MessageName) -> Result<Reply, CommandError> {
        let life = self.node.explain(name).await.map_err(past_error)?;
        let life = life.ok_or_else(|| CommandError {
            code: "unknown_message",
            message: "none of our messages has that name".into(),
            hint: "/history shows their numbers; /why last is the newest".into(),
        })?;
        Ok(why(&life, &Zoned::now()))
    }

    async fn talk(&self, with: Option<Recipients>) -> Result<Option<Destination>, CommandError> {
        Ok(match with {
            None => None,
            Some(Recipients::Everyone) => Some(Destination::Everyone),
            Some(Recipients::Namespace(namespace)) => Some(Destination::Namespace(namespace)),
            Some(Recipients::Peer(PeerName::Full(peer))) => Some(Destination::Peer(peer)),
            Some(Recipients::Peer(name)) => {
                let peer = self.node.resolve(name).await.map_err(send_error)?;
                Some(Destination::Peer(peer))
            }
        })
    }
}
