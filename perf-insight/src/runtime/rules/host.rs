//! The host and the executor: processor time, memory, disks, blocked workers.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::incident::CauseKind;
use crate::runtime::level::{Step, highest, mean_of, step};
use crate::runtime::scene::MetricTrack;
use crate::runtime::words;
use perf_runtime::metric::names;

/// The share of the processors from which they are used up.
const BUSY: f64 = 0.9;
/// The share of periods from which a quota holds a container up: that of Sift's check of throttling.
const THROTTLED: f64 = 0.25;
/// The share of its time that a virtual machine must have lost to others.
const STOLEN: f64 = 0.1;
/// The seconds of a slice in which a worker was kept, on average.
const BLOCKED: f64 = 0.05;
/// Metrics of the host are averages over five seconds and more: slices that they are late.
const LATE: usize = 3;
/// The share of memory in use that is much.
const MEMORY: f64 = 0.8;
/// The share of the room, or of its time, from which a disk is used up.
const DISK: f64 = 0.95;
/// The growth of the process's memory over the time that is seen, as a share of what the host has.
const GROWN: f64 = 0.05;

fn one<'a>(look: &Look<'a>, name: &str) -> Option<&'a MetricTrack> {
    look.case.scene.metric(name).first()
}

fn around(look: &Look<'_>, name: &str, limit: f64) -> Option<Step> {
    let track = one(look, name)?;
    let around = step(&track.slices, &track.earlier, look.case.onset, |_| limit)?;
    // The onset may be told a slice or two early, and what is used up stays so: the last slices count too.
    let last = mean_of(track.slices.get(track.slices.len().saturating_sub(2)..).unwrap_or_default());
    Some(Step { since: last.map_or(around.since, |last| around.since.max(last)), ..around })
}

/// The quota of the container is used up, and the process asks for no more than before.
pub(super) struct ThrottledRule;

impl CauseRule for ThrottledRule {
    const KIND: CauseKind = CauseKind::Throttled;
    const EXPLAINS: &'static [&'static str] = &["cpu", "_load_", "executor", "tokio_"];

    fn look(look: &Look<'_>) -> Verdict {
        let of = |name| one(look, name).map(|track| &track.slices);
        let (all, held) = of(names::CONTAINER_CPU_PERIODS_TOTAL)
            .zip(of(names::CONTAINER_CPU_THROTTLED_PERIODS_TOTAL))
            .ok_or("no quota is known")?;
        let share: Vec<f64> =
            all.iter().zip(held).map(|(all, held)| if *all > 0.0 { held / all } else { f64::NAN }).collect();
        let change = step(&share, &[], look.case.onset, |_| THROTTLED).ok_or("too little is known of the quota")?;
        let said =
            format!("held up in {} of the periods, {} before", words::share(change.since), words::share(change.before));
        if change.since < THROTTLED || change.before >= THROTTLED {
            return Err(said);
        }
        let mut found = Found::new("quota", "The container's quota of processor time is used up");
        found.since = change.began.map(|slice| look.case.scene.time_of(slice));
        found.evidence.push(said);
        let asks = around(look, names::PROCESS_CPU_UTILIZATION_RATIO, BUSY);
        let asks_more = asks.is_some_and(|asks| asks.since > 1.3 * asks.before);
        if let Some(asks) = asks {
            found.evidence.push(format!(
                "the process uses {} of the processors, {} before",
                words::share(asks.since),
                words::share(asks.before)
            ));
        }
        found.is_doubted = asks_more;
        found.is_whole = !asks_more && look.case.is_in_time(change.began, LATE);
        Ok(found)
    }
}

/// Others use up the processors, or take them away.
pub(super) struct ProcessorRule;

impl CauseRule for ProcessorRule {
    const KIND: CauseKind = CauseKind::Processor;
    const EXPLAINS: &'static [&'static str] = &["cpu", "_load_", "executor", "tokio_"];

    fn look(look: &Look<'_>) -> Verdict {
        if let Some(found) = stolen(look) {
            return Ok(found);
        }
        let all =
            around(look, names::SYSTEM_CPU_UTILIZATION_RATIO, BUSY).ok_or("the use of processors is not known")?;
        let said = format!("{} of the processors in use, {} before", words::share(all.since), words::share(all.before));
        if all.since < BUSY || all.before >= BUSY {
            return Err(said);
        }
        let own = around(look, names::PROCESS_CPU_UTILIZATION_RATIO, BUSY);
        let (own_grew, all_grew) = (own.map_or(0.0, |own| own.since - own.before), all.since - all.before);
        let is_others = own.is_some() && own_grew < all_grew / 2.0;
        let sentence = if is_others { "Other processes use up the processors" } else { "The processors are used up" };
        let mut found = Found::new("processors", sentence);
        found.since = all.began.map(|slice| look.case.scene.time_of(slice));
        found.evidence.push(said);
        if let Some(own) = own {
            let others = (all.since - own.since).max(0.0);
            found.evidence.push(format!("this process {}, others {}", words::share(own.since), words::share(others)));
        }
        // The share of this process itself has a cause of its own.
        found.is_doubted = !is_others;
        found.is_whole = is_others && look.case.is_in_time(all.began, LATE);
        Ok(found)
    }
}

fn stolen(look: &Look<'_>) -> Option<Found> {
    let tracks = look.case.scene.metric(names::SYSTEM_CPU_TIME_SECONDS_TOTAL);
    let steal = tracks.iter().find(|track| track.labels.get("cpu_mode") == Some("steal"))?;
    let mut all = vec![0.0; steal.slices.len()];
    for track in tracks {
        all.iter_mut().zip(&track.slices).filter(|(_, value)| value.is_finite()).for_each(|(sum, value)| *sum += value);
    }
    let share: Vec<f64> =
        steal.slices.iter().zip(&all).map(|(steal, all)| if *all > 0.0 { steal / all } else { f64::NAN }).collect();
    let change = step(&share, &[], look.case.onset, |_| STOLEN)?;
    if change.since < STOLEN || change.before >= STOLEN {
        return None;
    }
    let mut found = Found::new("processors", "Other machines on the same host take the processors away");
    found.since = change.began.map(|slice| look.case.scene.time_of(slice));
    found.evidence.push(format!(
        "{} of the time is stolen, {} before",
        words::share(change.since),
        words::share(change.before)
    ));
    found.is_whole = look.case.is_in_time(change.began, LATE);
    Some(found)
}

/// A function keeps workers of the executor from their queue.
pub(super) struct BlockedRule;

impl CauseRule for BlockedRule {
    const KIND: CauseKind = CauseKind::Blocked;
    const EXPLAINS: &'static [&'static str] = &["executor", "tokio_"];

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let tracks = case.scene.metric(names::EXECUTOR_BLOCKED_SECONDS);
        let kept = |slices: &[f64]| slices.iter().filter(|value| **value >= BLOCKED).count();
        let worst = tracks
            .iter()
            .filter(|track| kept(track.slices.get(case.onset.saturating_sub(1)..).unwrap_or_default()) > 0)
            .max_by(|one, other| {
                let sum = |track: &MetricTrack| -> f64 {
                    track.slices.iter().skip(case.onset.saturating_sub(1)).filter(|value| value.is_finite()).sum()
                };
                sum(one).total_cmp(&sum(other))
            })
            .ok_or("no function keeps a worker")?;
        let function = worst.labels.get("function").unwrap_or("a function");
        let since = worst.slices.get(case.onset.saturating_sub(1)..).unwrap_or_default();
        let longest = highest(since).unwrap_or(0.0);
        let before = worst.slices.get(..case.onset.saturating_sub(2)).unwrap_or_default();
        let began = worst.slices.iter().skip(case.onset.saturating_sub(4)).position(|value| *value >= BLOCKED);
        let began = began.map(|slice| slice + case.onset.saturating_sub(4));
        let sentence = format!(
            "{function} keeps a worker of the executor from its queue, for {} on average",
            words::duration(longest)
        );
        let mut found = Found::new(function, sentence);
        found.since = began.map(|slice| case.scene.time_of(slice));
        found.evidence.push(format!("in {} of {} slices of five seconds", kept(since), since.len()));
        found.evidence.push(format!("in {} of {} before", kept(before), before.len()));
        found.is_whole = kept(since) >= 2
            && kept(before) * since.len().max(1) * 4 <= kept(since) * before.len().max(1)
            && case.is_in_time(began, 2);
        Ok(found)
    }
}

/// The process's memory grows until there is none left, or others take it.
pub(super) struct MemoryRule;

impl CauseRule for MemoryRule {
    const KIND: CauseKind = CauseKind::Memory;
    const EXPLAINS: &'static [&'static str] = &["memory", "paging"];

    fn look(look: &Look<'_>) -> Verdict {
        let all = one(look, names::SYSTEM_MEMORY_UTILIZATION_RATIO).ok_or("the use of memory is not known")?;
        let known = |track: &MetricTrack| -> Vec<f64> {
            track.earlier.iter().chain(&track.slices).copied().filter(|value| value.is_finite()).collect()
        };
        let used = known(all);
        let ends = |values: &[f64]| {
            let part = (values.len() / 10).clamp(1, 12);
            Some((mean_of(values.get(..part)?)?, mean_of(values.get(values.len().saturating_sub(part)..)?)?))
        };
        let (first, last) = ends(&used).ok_or("too little is known of memory")?;
        let now = highest(all.slices.get(all.slices.len().saturating_sub(6)..).unwrap_or_default()).unwrap_or(last);
        let said = format!("{} of the memory in use, {} before", words::share(now), words::share(first));
        let limit = [names::CONTAINER_MEMORY_LIMIT_BYTES, names::SYSTEM_MEMORY_LIMIT_BYTES]
            .into_iter()
            .find_map(|name| highest(&one(look, name)?.slices));
        if now < MEMORY || last - first < GROWN {
            return Err(said);
        }
        let mut found = Found::new("memory", "Memory is used up");
        found.evidence.push(said);
        found.since = all.slices.iter().position(|value| *value >= MEMORY).map(|slice| look.case.scene.time_of(slice));
        let own = one(look, names::PROCESS_MEMORY_USAGE_BYTES).map(known).and_then(|values| ends(&values));
        if let (Some((own_first, own_last)), Some(limit)) = (own, limit) {
            let part = (own_last - own_first) / limit / (last - first).max(1e-9);
            found.evidence.push(format!(
                "this process grew from {} to {}",
                words::bytes(own_first),
                words::bytes(own_last)
            ));
            if part >= 0.5 {
                "this process".clone_into(&mut found.component);
                found.sentence =
                    format!("The memory of this process grows: {} more", words::bytes(own_last - own_first));
            } else {
                "other processes".clone_into(&mut found.component);
                "Other processes use up the memory".clone_into(&mut found.sentence);
            }
            let concerns_memory = look.case.metric.as_deref().is_some_and(|name| name.contains("memory"));
            let in_time = look.case.is_in_time(all.slices.iter().position(|value| *value >= MEMORY), LATE);
            found.is_whole = concerns_memory || (in_time && now >= DISK);
        }
        Ok(found)
    }
}

/// A disk that has no room or no time left.
pub(super) struct DiskRule;

impl CauseRule for DiskRule {
    const KIND: CauseKind = CauseKind::Disk;
    const EXPLAINS: &'static [&'static str] = &["disk", "filesystem"];

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        for (name, label, what) in [
            (names::SYSTEM_DISK_UTILIZATION_RATIO, "system_filesystem_mountpoint", "is full"),
            (names::SYSTEM_DISK_IO_BUSY_RATIO, "system_device", "has no time left"),
        ] {
            for track in case.scene.metric(name) {
                let Some(change) = step(&track.slices, &track.earlier, case.onset, |_| DISK) else { continue };
                if change.since < DISK || change.before >= DISK {
                    continue;
                }
                let disk = track.labels.get(label).unwrap_or("disk");
                let mut found = Found::new(format!("disk {disk}"), format!("The disk {disk} {what}"));
                found.since = change.began.map(|slice| case.scene.time_of(slice));
                found.evidence.push(format!(
                    "{} now, {} before",
                    words::share(change.since),
                    words::share(change.before)
                ));
                found.is_whole = case.is_in_time(change.began, LATE);
                return Ok(found);
            }
        }
        Err("no disk is full or busy".to_owned())
    }
}
