//! HistoryActor: answers what is asked of the messages on disk, gives up what waited there too long, and tells when the
//! history fails or works again. All that it owns lies outside of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    disk::Disk,
    door::Door,
    events::{Events, NodeEvent},
    router::OutboxExpired,
};
use crate::store::{
    StoreError,
    rows::{Life, MessageName, Query, Row},
};

/// Asks for messages: `/history`, and with words `/search`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Vec<Row>, StoreError>")]
pub struct ListHistory(
    /// Which.
    pub Query,
);

/// Asks for the life of one of our messages: `/why`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Option<Life>, StoreError>")]
pub struct ExplainMessage(
    /// Which.
    pub MessageName,
);

/// How often it is looked for messages that have waited too long; more often where they may wait for less.
const UPKEEP: Duration = Duration::from_secs(60);

/// So many of them are given up at once.
const EXPIRED_MAX: usize = 256;

/// What the actor is made of.
#[derive(Clone)]
pub struct HistoryParts {
    /// The store.
    pub disk: Arc<Disk>,
    /// Told what was given up.
    pub router: Door<OutboxExpired>,
    /// Where events go.
    pub events: Events,
    /// The last run did not end as it should: the database is to be looked through, once.
    pub unclean: Arc<AtomicBool>,
}

/// Looks after the history on disk.
pub struct HistoryActor {
    parts: HistoryParts,
}

impl HistoryActor {
    /// An incarnation over the store that outlives it.
    pub fn new(parts: HistoryParts) -> Self {
        Self { parts }
    }

    /// Tells what is new of the store's health, whenever there is something.
    fn follow(&self, ctx: &mut Context<Self>) {
        let HistoryParts { disk, events, .. } = self.parts.clone();
        let follow = async move {
            let mut health = disk.health();
            loop {
                if let Some(news) = disk.news() {
                    events.tell(words(news.error, news.failures)).await;
                }
                if health.changed().await.is_err() {
                    return;
                }
            }
        };
        ctx.spawn(follow.into_actor(self));
    }

    /// Gives up what has waited too long.
    fn expire(&self, ctx: &mut Context<Self>) {
        let HistoryParts { disk, router, .. } = self.parts.clone();
        ctx.spawn(expire(disk, router).into_actor(self));
    }

    /// Looks through the database after an unclean end.
    fn check(&self, ctx: &mut Context<Self>) {
        let HistoryParts {
            disk,
            events,
            unclean,
            ..
        } = self.parts.clone();
        if !unclean.load(Ordering::Relaxed) {
            return;
        }
        let check = async move { disk.store().check().await };
        ctx.spawn(check.into_actor(self).then(move |checked, actor, _| {
            // A panic meanwhile makes the next incarnation look again.
            unclean.store(false, Ordering::Relaxed);
            let trouble = checked.err().filter(|it| *it != StoreError::Closed);
            async move {
                if let Some(error) = trouble {
                    tracing::error!(%error, "The history is not sound");
                    let damaged = NodeEvent::Trouble {
                        code: "history_damaged",
                        message: error.to_string(),
                        hint: error.advice(),
                    };
                    events.tell(damaged).await;
                }
            }
            .into_actor(actor)
        }));
    }
}

impl Actor for HistoryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.follow(ctx);
        self.expire(ctx);
        self.check(ctx);
        let age = self.parts.disk.limits().outbox_age;
        ctx.run_interval(UPKEEP.min(age), |actor, ctx| actor.expire(ctx));
    }
}

impl Handler<ListHistory> for HistoryActor {
    type Result = ResponseFuture<Result<Vec<Row>, StoreError>>;

    fn handle(&mut self, ListHistory(query): ListHistory, _: &mut Self::Context) -> Self::Result {
        let store = self.parts.disk.store().clone();
        Box::pin(async move {
            match query.words {
                Some(_) => store.search(query).await,
                None => store.last(query).await,
            }
        })
    }
}

impl Handler<ExplainMessage> for HistoryActor {
    type Result = ResponseFuture<Result<Option<Life>, StoreError>>;

    fn handle(
        &mut self,
        ExplainMessage(name): ExplainMessage,
        _: &mut Self::Context,
    ) -> Self::Result {
        let store = self.parts.disk.store().clone();
        Box::pin(async move { store.life(name).await })
    }
}

crate::panics_on_request!(HistoryActor);

async fn expire(disk: Arc<Disk>, router: Door<OutboxExpired>) {
    let age = SignedDuration::try_from(disk.limits().outbox_age).unwrap_or(SignedDuration::MAX);
    let Ok(before) = Timestamp::now().checked_sub(age) else {
        return;
    };
    loop {
        let expired = disk.store().expire_outbox(before, EXPIRED_MAX).await;
        disk.note(expired.as_ref().map(drop));
        let Ok(expired) = expired else { return };
        let is_all = expired.len() < EXPIRED_MAX;
        if !expired.is_empty() {
            router.tell(OutboxExpired(expired.into())).await;
        }
        if is_all {
            return;
        }
    }
}

fn words(error: Option<StoreError>, failures: u64) -> NodeEvent {
    match error {
        None => NodeEvent::HistoryRecovered { failures },
        Some(error) => NodeEvent::Trouble {
            code: "store_failed",
            message: format!("{error}; what arrives now is neither shown nor acknowledged"),
            hint: error.advice(),
        },
    }
}
