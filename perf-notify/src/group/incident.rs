//! A group that is about one incident: which of its news is worth a message, and how alerts come to it from other groups.

use super::member::Member;
use super::{Escalation, Group, Now, Surroundings};
use crate::message::MessageIncident;
use crate::route::Route;
use crate::since::Since;
use perf_runtime::alert::{Alert, Fingerprint};
use perf_runtime::extend::AlertGroup;
use std::time::Duration;

/// So long the end of one alert waits at most for the end of its incident.
const WAITS_FOR_END: Duration = Duration::from_secs(3_600);

/// Alerts that leave a group, with what was told of them and who hears of their end.
#[derive(Debug)]
pub(crate) struct Leaving {
    members: Vec<Member>,
    /// How and when somebody was told of some of them; `None` where nobody was.
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    escalation: Escalation,
    at: Option<Since>,
    sent: Option<Duration>,
    is_explained: bool,
}

impl Group {
    /// The id of the incident that this group is about.
    pub(crate) fn incident_id(&self) -> Option<&str> {
        self.incident.as_ref().map(|incident| incident.id.as_str())
    }

    /// The alerts that it knows, as it heard of them last.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.members.values().map(|member| &member.alert)
    }

    /// Those of them of which nobody was told yet. What was told goes on under the key that it was told with: receivers close by it.
    pub(crate) fn untold(&self) -> impl Iterator<Item = &Alert> {
        self.members.values().filter(|member| !member.is_told()).map(|member| &member.alert)
    }

    /// Whether any of its alerts fires, told or not.
    pub(crate) fn has_firing(&self) -> bool {
        self.members.values().any(Member::is_firing)
    }

    /// Whether an alert that fires anew has an end that waits for the others of its incident. That is told first, at once.
    pub(crate) fn ends_first(&mut self, alert: &Alert, now: Now) -> bool {
        let is_waiting = |member: &&mut Member| !member.is_firing() && member.is_news && member.is_told();
        let waiting = self.members.get_mut(&alert.fingerprint).filter(is_waiting);
        let Some(member) = waiting.filter(|_| alert.resolved_at.is_none() && self.incident.is_some()) else {
            return false;
        };
        member.ends_first = true;
        self.due = Some(now.uptime);
        true
    }

    /// Takes note of how its incident is now, and says whether that is new.
    pub(crate) fn learn(&mut self, incident: &AlertGroup) -> bool {
        let known = Some(MessageIncident::of(incident));
        let is_new = self.incident != known;
        self.incident = known;
        is_new
    }

    /// Gives some alerts away. Who was told of them by a step goes on hearing of them.
    pub(crate) fn take_out(&mut self, alerts: &[Fingerprint]) -> Leaving {
        let members: Vec<Member> = alerts.iter().filter_map(|alert| self.members.remove(alert)).collect();
        let told = members.iter().any(Member::is_told).then(|| Told {
            escalation: self.escalation.clone(),
            at: self.told_at,
            sent: self.sent,
            is_explained: self.is_explained,
        });
        Leaving { members, told }
    }

    /// Takes alerts over as they are: what was told of them counts as told here, of those that are here already too. News goes on
    /// waiting from when it was heard.
    pub(crate) fn take_in(&mut self, leaving: Leaving, route: &Route, now: Now) {
        for member in leaving.members {
            let heard = member.heard.filter(|_| member.is_news);
            let own = self.members.entry(member.alert.fingerprint);
            let own = own.and_modify(|own| own.join(&member)).or_insert(member);
            if own.is_news {
                let heard = heard.or(own.heard).unwrap_or(now.uptime);
                let interval = self.sent.map_or(Duration::ZERO, |sent| sent + route.group_interval.0);
                let due = interval.max(heard + route.group_wait.0);
                self.due = Some(self.due.map_or(due, |own| own.min(due)));
            }
        }
        if let Some(told) = leaving.told {
            self.escalation.join(told.escalation, now);
            self.is_explained |= told.is_explained && self.told_at.is_none();
            self.told_at = [self.told_at, told.at].into_iter().flatten().min_by_key(|at| at.elapsed(now));
            self.sent = self.sent.max(told.sent);
        }
    }

    /// Whether news of a member is worth a message: in a group that is about an incident, the end of one alert waits for the
    /// end of all, and other news for what comes with it.
    pub(super) fn is_worth(&self, member: &Member, surroundings: &Surroundings<'_>) -> bool {
        let Surroundings { now, route, by_incident, .. } = *surroundings;
        if self.incident.is_none() || !by_incident || member.ends_first {
            return true;
        }
        let is_fresh = |one: &Member| one.heard.is_some_and(|heard| now.uptime < heard + route.group_wait.0);
        if member.is_firing() {
            return !is_fresh(member);
        }
        let lasts = |one: &Member| one.is_firing() && (one.is_told() || one.is_news);
        let is_over = !self.members.values().any(|one| lasts(one) || is_fresh(one));
        is_over || member.ended.is_some_and(|ended| ended.elapsed(now) >= WAITS_FOR_END)
    }

    /// Whether those who were told before the cause was known are to be told it now: once for each incident.
    pub(super) fn is_to_be_explained(&self, surroundings: &Surroundings<'_>) -> bool {
        let is_known = self.incident.as_ref().is_some_and(|incident| incident.is_explained);
        let Surroundings { now, route, held, .. } = surroundings;
        let is_early = || self.told_at.is_none_or(|told| told.elapsed(*now) < route.group_interval.0);
        if !is_known || self.is_explained || is_early() {
            return false;
        }
        let hears = |member: &Member| member.is_told() && member.is_firing() && member.alert.muted.is_none();
        self.members.values().any(|member| hears(member) && !held(&member.alert))
    }
}

impl Escalation {
    /// Goes on for two groups in one: with the clock and the steps of the worse, of two alike of the one that began first, and for
    /// all who heard of either.
    fn join(&mut self, mut other: Self, now: Now) {
        let rank = |one: &Self| (one.worst, one.since.map(|since| since.elapsed(now)));
        if rank(&other) > rank(self) {
            std::mem::swap(self, &mut other);
        }
        self.channels.extend(other.channels);
    }
}
