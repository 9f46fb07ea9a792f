//! A service of the example's kind: four routes over a database with a pool, a cache, another service, and work of its own.

use super::world::{Dice, Permits, World};
use perf_runtime::operation::HttpRequest;
use perf_runtime::{ErrorType, Label, Monitor, monitor, monitor_db_operation, monitor_external_call};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Whom a request is for.
#[derive(Clone, Copy, Label)]
pub(crate) enum Tenant {
    Acme,
    Bolt,
    Cargo,
    Delta,
    Echo,
    Fjord,
}

const TENANTS: [Tenant; 6] = [Tenant::Acme, Tenant::Bolt, Tenant::Cargo, Tenant::Delta, Tenant::Echo, Tenant::Fjord];

#[derive(Debug, ErrorType)]
pub(crate) enum GeoError {
    Refused,
    Unlucky,
}

/// The service, and what may be wrong with it.
pub(crate) struct Service {
    pub(crate) world: Rc<World>,
    pub(crate) dice: Dice,
    pub(crate) monitor: Monitor,
    pub(crate) pool: Rc<Permits>,
    /// Held for the length of a settlement; a deadlock never gives it back.
    pub(crate) lock: Rc<Permits>,
    /// Requests a second.
    pub(crate) rate: Cell<f64>,
    /// Seconds that the database takes for a statement, and what it takes more for those on points.
    pub(crate) statement: f64,
    pub(crate) slow_points: Cell<f64>,
    /// Seconds of computation of a request.
    pub(crate) computation: f64,
    /// The share of look-ups in the cache that find something.
    pub(crate) hits: Cell<f64>,
    pub(crate) looked_up: Cell<(u64, u64)>,
    /// The share of calls of the other service that are refused.
    pub(crate) refused: Cell<f64>,
    /// Seconds that one tenant's pages take more.
    pub(crate) slow_tenant: Cell<f64>,
    /// Whether a function keeps the worker each second.
    pub(crate) blocks: Cell<f64>,
    pub(crate) held_forever: RefCell<Vec<super::world::Permit>>,
}

/// Statements that a miss of the cache needs.
const STATEMENTS_OF_A_MISS: usize = 6;

impl Service {
    /// Statements a second at a rate of requests, as the routes make them.
    pub(crate) fn statements_of(rate: f64) -> f64 {
        rate * (0.25 + 0.35 * 0.1 * STATEMENTS_OF_A_MISS as f64 + 0.4 + 0.2)
    }

    async fn statement(&self, more: f64) {
        let _connection = self.pool.acquire().await;
        self.world.sleep(self.dice.around(self.statement, 0.4) + more).await;
    }

    #[monitor_db_operation("select", "series")]
    async fn select_series(&self) {
        self.statement(0.0).await;
    }

    #[monitor_db_operation("select", "points")]
    async fn select_points(&self) {
        self.statement(self.slow_points.get()).await;
    }

    #[monitor_db_operation("insert", "points")]
    async fn insert_points(&self) {
        self.statement(0.0).await;
    }

    #[monitor_external_call("geo", "lookup")]
    async fn lookup(&self) -> Result<(), GeoError> {
        self.world.sleep(self.dice.around(0.03, 0.4)).await;
        match self.dice.share() {
            share if share < self.refused.get() => Err(GeoError::Refused),
            share if share > 0.995 => Err(GeoError::Unlucky),
            _ => Ok(()),
        }
    }

    #[monitor("render", labels(tenant = tenant))]
    async fn render(&self, tenant: Tenant) {
        self.world.compute(self.dice.around(self.computation * 0.6, 0.3));
        if matches!(tenant, Tenant::Acme) && self.slow_tenant.get() > 0.0 {
            self.world.sleep(self.dice.around(self.slow_tenant.get(), 0.2)).await;
        }
    }

    #[monitor("settle")]
    async fn settle(&self) {
        let _lock = self.lock.acquire().await;
        self.world.sleep(self.dice.around(0.002, 0.3)).await;
    }

    #[monitor("reindex")]
    async fn reindex(&self, seconds: f64) {
        self.world.compute(seconds);
    }

    fn finds(&self) -> bool {
        let found = self.dice.share() < self.hits.get();
        let (all, hits) = self.looked_up.get();
        self.looked_up.set((all + 1, hits + u64::from(found)));
        found
    }

    async fn handle(&self, route: &str, tenant: Tenant) -> u16 {
        self.world.compute(self.dice.around(self.computation * 0.4, 0.3));
        match route {
            "/series" => {
                self.select_series().await;
                self.render(tenant).await;
            }
            "/points" => {
                if !self.finds() {
                    for _ in 0..STATEMENTS_OF_A_MISS {
                        self.select_points().await;
                    }
                }
                self.render(tenant).await;
            }
            "/orders" => {
                self.insert_points().await;
                self.insert_points().await;
                self.settle().await;
            }
            _ => {
                if self.lookup().await.is_err() {
                    return 502;
                }
                self.select_series().await;
            }
        }
        200
    }
}

/// Begins requests and the service's own work, for as long as the world runs.
pub(crate) fn begin(service: &Rc<Service>) {
    let arrivals = Rc::clone(service);
    service.world.spawn(async move {
        // Clients do not wait for the worker: what comes while it is busy is there when it looks.
        let mut at = 0.0;
        loop {
            at += arrivals.dice.until_next(arrivals.rate.get());
            let wait = at - arrivals.world.seconds();
            if wait > 0.0 {
                arrivals.world.sleep(wait).await;
            }
            let own = Rc::clone(&arrivals);
            let (method, route) = match arrivals.dice.share() {
                share if share < 0.25 => ("GET", "/series"),
                share if share < 0.6 => ("GET", "/points"),
                share if share < 0.8 => ("POST", "/orders"),
                _ => ("GET", "/geo"),
            };
            let tenant = TENANTS[(arrivals.dice.share() * TENANTS.len() as f64) as usize % TENANTS.len()];
            let request = arrivals.monitor.http_request_to(method, route);
            let handled = async move { own.handle(route, tenant).await };
            arrivals.world.spawn(Request { request: Some(request), handled: Box::pin(handled) });
        }
    });
    let own = Rc::clone(service);
    service.world.spawn(async move {
        loop {
            own.world.sleep(1.0).await;
            let seconds = if own.blocks.get() > 0.0 { own.blocks.get() } else { 0.002 };
            own.reindex(seconds).await;
        }
    });
}

/// A request that is measured as a layer does it.
struct Request {
    request: Option<HttpRequest>,
    handled: Pin<Box<dyn Future<Output = u16>>>,
}

impl Future for Request {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { request, handled } = &mut *self;
        let Some(measured) = request else { return Poll::Ready(()) };
        match measured.work(|_| handled.as_mut().poll(context)) {
            Poll::Pending => {
                measured.pause();
                Poll::Pending
            }
            Poll::Ready(status) => {
                if let Some(request) = request.take() {
                    request.answer(status);
                }
                Poll::Ready(())
            }
        }
    }
}
