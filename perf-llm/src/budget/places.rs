//! Places of the ledger: given to an account, and free again.

use super::ledger::{Cell, Ledger, Place, Terms};
use super::{Budget, BudgetError, Period, ScopeKind};
use std::sync::Arc;

/// The longest time between two looks for places that are unused, in seconds: a look goes through all accounts.
const LOOK_AGAIN: i64 = 60;

impl Ledger {
    /// The place of an account, which is made where there is none.
    pub(super) fn open(
        &mut self,
        budget: &Budget,
        limit: i64,
        now: i64,
        max: usize,
        is_stored: bool,
    ) -> Result<(Place, Arc<Terms>), BudgetError> {
        let Budget { scope, period, measure, .. } = budget;
        let key = (scope.clone(), *period, *measure);
        if let Some(slot) = self.by_terms.get(&key).copied()
            && let Some(cell) = self.cells.get_mut(slot as usize)
            && let Some(terms) = &cell.terms
        {
            (cell.limit, cell.on_unpriced, cell.mode) = (limit, budget.on_unpriced, budget.mode);
            return Ok((Place { slot, generation: cell.generation }, Arc::clone(terms)));
        }
        self.make_room(scope.kind, max, now)?;
        let stored_as = (is_stored && scope.kind != ScopeKind::Run)
            .then(|| format!("{}/{}/{}/{}", scope.kind, period, measure.name(), scope.name));
        let counted = stored_as.as_ref().and_then(|key| self.stored.remove(key));
        let terms = Arc::new(Terms { scope: scope.clone(), period: *period, measure: *measure, key: stored_as });
        let slot = self.free.pop().unwrap_or(u32::try_from(self.cells.len()).unwrap_or(u32::MAX));
        let generation = self.cells.get(slot as usize).map_or(0, |cell| cell.generation.wrapping_add(1));
        let mut cell = Cell::new(generation, Arc::clone(&terms), budget, limit, now);
        if let Some((_, counted)) = counted.filter(|(window, _)| *window == cell.window.id) {
            // The lease that a kill left counts as spent until the period ends.
            cell.now.spent = i128::from(counted.max(0));
            cell.leased = cell.now.spent;
        }
        match self.cells.get_mut(slot as usize) {
            Some(place) => *place = cell,
            None => self.cells.push(cell),
        }
        self.by_terms.insert(key, slot);
        *self.live.entry(scope.kind).or_default() += 1;
        Ok((Place { slot, generation }, terms))
    }

    fn make_room(&mut self, kind: ScopeKind, max: usize, now: i64) -> Result<(), BudgetError> {
        let full = |ledger: &Self| ledger.live.get(&kind).copied().unwrap_or(0) >= max;
        if !full(self) {
            return Ok(());
        }
        if self.full_until.get(&kind).is_none_or(|until| now >= *until) {
            self.free_unused(kind, now);
        }
        if full(self) { Err(BudgetError::TooManyScopes { kind, max }) } else { Ok(()) }
    }

    /// Frees accounts of a kind that hold nothing in this turn of their period, and runs that are over, and notes when to look again: calls in flight may end with
    /// nothing spent, and a turn ends.
    fn free_unused(&mut self, kind: ScopeKind, now: i64) {
        let mut unused = Vec::new();
        let mut until = now.saturating_add(LOOK_AGAIN);
        for (slot, cell) in (0..).zip(&mut self.cells) {
            cell.roll(now);
            let Some(terms) = cell.terms.as_ref().filter(|terms| terms.scope.kind == kind) else { continue };
            until = until.min(cell.window.ends);
            let holds_nothing = cell.lifetime().reserved == 0 && cell.stopped.is_none();
            // Nobody can name a run again of which no handle is left: it is over, whatever it spent, and was not closed.
            let is_over = kind == ScopeKind::Run && Arc::strong_count(terms) == 1;
            let is_unused = cell.now.spent == 0 && terms.period != Period::Forever && cell.leased_nothing();
            if holds_nothing && (is_over || is_unused) {
                unused.push(Place { slot, generation: cell.generation });
            }
        }
        self.full_until.insert(kind, until);
        for place in unused {
            self.free_place(place);
        }
    }

    pub(super) fn free_place(&mut self, place: Place) {
        let Some(cell) = self.cell(place) else { return };
        let Some(terms) = cell.terms.take() else { return };
        self.by_terms.remove(&(terms.scope.clone(), terms.period, terms.measure));
        if let Some(live) = self.live.get_mut(&terms.scope.kind) {
            *live = live.saturating_sub(1);
        }
        self.free.push(place.slot);
    }
}

impl Cell {
    /// Whether the store counts nothing of this turn as spent.
    fn leased_nothing(&self) -> bool {
        self.leased == 0 || self.leased == i128::MAX
    }
}
